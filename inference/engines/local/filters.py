"""Cuts by top_k, top_p and min_p, in transformers' order: k, then p, then min.

Equally likely tokens stay or leave together, and likelihoods are added up as whole numbers, so the
outcome is the same in whatever order and width they are looked at, and on every device.
"""

from dataclasses import dataclass

import torch

from inference.engines.local.noise import gumbel

WIDTHS = (64, 1024)
STRIPE = 1 << 21  # numbers that are sorted at once: what sorting takes is many times their size
WHOLE = 2.0**32  # of the likeliest token


@dataclass(frozen=True, slots=True)
class Cuts:
    """One number a row, each `[rows, 1]`; what is off keeps everything."""

    top_k: torch.Tensor
    top_p: torch.Tensor
    log_min_p: torch.Tensor

    def __getitem__(self, rows: torch.Tensor | slice) -> "Cuts":
        return Cuts(self.top_k[rows], self.top_p[rows], self.log_min_p[rows])


def draw(
    logits: torch.Tensor, cuts: Cuts, keys: torch.Tensor, hashes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens `[rows]` and their perturbed logits (not finite where the row's logits are not).

    Only the likeliest candidates are looked at: first a few, then more for the rows whose cut lies
    beyond them, the whole vocabulary last.
    """
    vocabulary = logits.shape[1]
    values = torch.full((len(logits),), torch.nan, device=logits.device)
    tokens = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    left = torch.arange(len(logits), device=logits.device)
    for width in (*(width for width in WIDTHS if width < vocabulary), vocabulary):
        candidates, ids = logits[left].topk(width)
        least, known = _least(logits[left], candidates, cuts[left])
        kept = candidates >= least
        noisy = candidates + gumbel(keys[left], hashes[ids])
        best, where = noisy.masked_fill_(~kept, -torch.inf).max(-1)
        values[left], tokens[left] = best, ids.gather(1, where[:, None])[:, 0]
        if width == vocabulary:
            break
        left = left[kept[:, -1] | ~known]
        if not len(left):
            break
    return values, tokens


def least(logits: torch.Tensor, cuts: Cuts) -> torch.Tensor:
    """The smallest logit of each row that its cuts leave, `[rows, 1]`: by operations whose shapes
    are always the same, and which wait for nothing."""
    size = max(1, STRIPE // logits.shape[1])
    found = []
    for start in range(0, len(logits), size):
        rows = slice(start, start + size)
        ordered = logits[rows].sort(-1, descending=True).values
        found.append(_least(ordered, ordered, cuts[rows])[0])
    return torch.cat(found)


def _least(
    logits: torch.Tensor, candidates: torch.Tensor, cuts: Cuts
) -> tuple[torch.Tensor, torch.Tensor]:
    """The least candidate that survives all three cuts, `[rows, 1]`, and whether that is certain,
    `[rows]`: what top_p cuts depends on all that top_k leaves. Likeliest candidates come first."""
    width, vocabulary = candidates.shape[1], logits.shape[1]
    best = candidates[:, :1]
    last = candidates.gather(1, cuts.top_k.clamp(max=width).long() - 1)
    within = candidates >= last
    weights = _weights(candidates, best).masked_fill_(~within, 0)
    total = weights.sum(-1, keepdim=True)
    known = torch.ones(len(candidates), dtype=torch.bool, device=logits.device)
    if width < vocabulary:
        all_in, off = cuts.top_k >= vocabulary, cuts.top_p.isinf()
        if (all_in & ~off).any():  # on a CPU, where that is known at once
            total = torch.where(all_in, _weights(logits, best).sum(-1, keepdim=True), total)
        known = (all_in | ~within[:, -1:] | off)[:, 0]
    before = weights.cumsum(-1) - weights
    kept = within & (before.double() < cuts.top_p.double() * total.double())
    kept &= candidates > -torch.inf  # what a grammar forbids
    kept &= candidates >= best + cuts.log_min_p
    return candidates.masked_fill(~kept, torch.inf).amin(-1, keepdim=True), known


def _weights(logits: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
    """How likely tokens are, as whole numbers."""
    return (logits - best).exp_().mul_(WHOLE).long()
