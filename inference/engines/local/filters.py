"""Draws from rows cut by top_k, top_p and min_p, in transformers' order: k, then p, then min.

Only the likeliest candidates are looked at: first a few, then more for the rows whose cut lies
beyond them, the whole vocabulary last. The outcome is the same at any width.
"""

from dataclasses import dataclass

import torch

from inference.engines.local.noise import gumbel

WIDTHS = (64, 1024)


@dataclass(frozen=True, slots=True)
class Cuts:
    """One number a row, each `[rows, 1]`; what is off keeps everything."""

    top_k: torch.Tensor
    top_p: torch.Tensor
    log_min_p: torch.Tensor

    def __getitem__(self, rows: torch.Tensor) -> "Cuts":
        return Cuts(self.top_k[rows], self.top_p[rows], self.log_min_p[rows])


def draw(
    logits: torch.Tensor, cuts: Cuts, keys: torch.Tensor, hashes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens `[rows]` and their perturbed logits (not finite where the row's logits are not)."""
    vocabulary = logits.shape[1]
    values = torch.full((len(logits),), torch.nan, device=logits.device)
    tokens = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    left = torch.arange(len(logits), device=logits.device)
    for width in (*(width for width in WIDTHS if width < vocabulary), vocabulary):
        candidates, ids = logits[left].topk(width)
        kept = _kept(logits[left], candidates, cuts[left])
        noisy = candidates + gumbel(keys[left], hashes[ids])
        best, where = noisy.masked_fill_(~kept, -torch.inf).max(-1)
        values[left], tokens[left] = best, ids.gather(1, where[:, None])[:, 0]
        if width == vocabulary:
            break
        left = left[kept[:, -1]]
        if not len(left):
            break
    return values, tokens


def _kept(logits: torch.Tensor, candidates: torch.Tensor, cuts: Cuts) -> torch.Tensor:
    """Which candidates, likeliest first, survive all three cuts."""
    width = candidates.shape[1]
    ranks = torch.arange(width, device=logits.device)
    kept = ranks < cuts.top_k
    within = torch.logsumexp(candidates.masked_fill(~kept, -torch.inf), -1, keepdim=True)
    beyond = cuts.top_k > width
    total = torch.where(beyond, torch.logsumexp(logits, -1, keepdim=True), within)
    chances = (candidates - total).exp()
    kept &= chances.cumsum(-1) - chances < cuts.top_p
    kept &= candidates > -torch.inf  # what a grammar forbids
    return kept & (candidates >= candidates[:, :1] + cuts.log_min_p)
