"""Attention of one packed step, over keys and values that a cache has laid out for it."""

from collections.abc import Sequence as Rows
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by

from inference.engines.local.packed_layers import Head
from inference.engines.local.sequences import Chunk, Sequence

MOST_SCORES = 1 << 26  # numbers held at once where scores are capped


class Plan(Protocol):
    """What a step's tokens see, and where the cache keeps them.

    Packed tokens are ordered: first one token of each decoding sequence, then the prompt chunks,
    then those that nobody wants.
    """

    def attend(
        self,
        number: int,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        head: Head,
    ) -> torch.Tensor:
        """Layer `number` keeps keys and values `[tokens, kv heads, width]`; the query
        `[tokens, heads, width]` becomes `[tokens, heads * width]`."""


class Planner(Protocol):
    """Makes plans for a cache's slots. What a step's masks are depends on how far a layer looks
    back, so a plan has a view for each of its model's windows."""

    flash: bool  # whether prompts are computed so
    in_place: bool  # from where their keys are

    def plan(
        self,
        decoding: Rows[Sequence],
        chunks: Rows[Chunk],
        slots: torch.Tensor,
        positions: torch.Tensor,
    ) -> Plan: ...

    def fixed(self, slots: torch.Tensor, positions: torch.Tensor, keys: int) -> Plan:
        """For decoding rows whose places only the device knows, with `keys` tokens at most."""


def one_query(
    rows: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    head: Head,
) -> torch.Tensor:
    """One query a row, `[rows, heads, width]`, against its own keys `[rows * kv heads, keys,
    width]`, by a mask `[rows * kv heads, 1, keys]` of 0 and -inf; `[rows, heads * width]`.

    Two batched products over `[rows x kv heads]`, the grouped heads side by side: twice as fast as
    scaled_dot_product_attention here, which has no batched form of a single query on CPU.
    """
    count, heads, width = rows.shape
    grouped = rows.reshape(len(keys), -1, width)
    scores = _scores(grouped, keys, mask, head)
    weights = scores.softmax(-1, dtype=torch.float32).to(rows.dtype)
    return torch.bmm(weights, values).view(count, heads * width)


def _scores(
    grouped: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor | None, head: Head
) -> torch.Tensor:
    turned = keys.transpose(1, 2)
    if head.softcap is not None:
        scores = _capped(torch.bmm(grouped, turned), head)
        return scores if mask is None else scores.add_(mask)
    if keys.dtype == torch.bfloat16 and keys.device.type == "cpu":
        # oneDNN lays the second factor out anew: the queries are the smaller one.
        scores = torch.bmm(keys, grouped.transpose(1, 2)).transpose(1, 2).float()
        scores.mul_(head.scaling)
        return scores if mask is None else scores.add_(mask)
    if mask is None:
        return torch.bmm(grouped, turned).mul_(head.scaling)
    return torch.baddbmm(mask, grouped, turned, alpha=head.scaling)


def many_queries(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    head: Head,
) -> torch.Tensor:
    """A stretch of one prompt, `[tokens, heads, width]`, against what it sees before it, `[kv
    heads, keys, width]`, by a mask `[tokens, keys]` of what is seen (None: the prompt begins here);
    `[tokens, heads * width]`."""
    if head.softcap is not None:
        return _many_capped(query, keys, values, mask, head)
    keys, values = keys[None], values[None]
    grouped = query.shape[1] // keys.shape[1]
    if query.is_cuda and grouped > 1:  # what knows groups and masks there keeps all scores at once
        keys = keys.repeat_interleave(grouped, dim=1)
        values = values.repeat_interleave(grouped, dim=1)
    output = F.scaled_dot_product_attention(
        query.transpose(0, 1)[None],
        keys,
        values,
        attn_mask=mask,
        is_causal=mask is None,
        scale=head.scaling,
        enable_gqa=query.shape[1] != keys.shape[1],
    )
    return output[0].transpose(0, 1).flatten(1)


def _many_capped(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    head: Head,
) -> torch.Tensor:
    """As `one_query` with many: scaled_dot_product_attention cannot cap its scores. Some of them at
    a time, where all their scores would be too many."""
    hidden = _later(len(query), query.device) if mask is None else ~mask
    size = max(1, MOST_SCORES // (query.shape[1] * keys.shape[1]))
    pieces = zip(torch.split(query, size), torch.split(hidden, size), strict=True)
    found = [_capped_piece(some, keys, values, later, head) for some, later in pieces]
    return found[0] if len(found) == 1 else torch.cat(found)


def _capped_piece(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, hidden: torch.Tensor, head: Head
) -> torch.Tensor:
    count, heads, width = query.shape
    kv_heads = keys.shape[0]
    grouped = query.reshape(count, kv_heads, -1, width).permute(1, 2, 0, 3).flatten(1, 2)
    scores = _capped(torch.bmm(grouped, keys.transpose(1, 2)), head)
    scores.view(kv_heads, -1, count, keys.shape[1]).masked_fill_(hidden, -torch.inf)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    output = torch.bmm(weights, values).view(kv_heads, -1, count, width)
    return output.permute(2, 0, 1, 3).reshape(count, heads * width)


def _capped(scores: torch.Tensor, head: Head) -> torch.Tensor:
    cap = head.softcap or 1.0
    return scores.mul_(head.scaling / cap).tanh_().mul_(cap)


def _later(count: int, device: torch.device) -> torch.Tensor:
    return torch.ones((count, count), dtype=torch.bool, device=device).triu_(1)


def joined(pieces: list[torch.Tensor], query: torch.Tensor) -> torch.Tensor:
    """Answers in the order of the tokens, `[tokens, heads * width]`, and some for those that nobody
    wants."""
    if filling := len(query) - sum(map(len, pieces)):
        pieces.append(query.new_zeros(filling, query.shape[1] * query.shape[2]))
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def shown_mask(hidden: torch.Tensor, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """`[rows, keys]` of what is hidden, as `one_query` adds it."""
    shown = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return shown.masked_fill_(hidden, -torch.inf).repeat_interleave(heads, dim=0)[:, None]


def prompt_mask(
    begin: int, chunk: Chunk, window: int | None, device: torch.device
) -> torch.Tensor | None:
    """What a chunk's tokens see of the keys from `begin` on; None: all before them, which begin
    here."""
    if not chunk.start and (window is None or chunk.stop <= window):
        return None
    keys = torch.arange(begin, chunk.stop, device=device)
    own = torch.arange(chunk.start, chunk.stop, device=device)[:, None]
    mask = keys <= own
    return mask if window is None else mask & (keys > own - window)
