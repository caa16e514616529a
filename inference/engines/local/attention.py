"""Attention of one packed step over the slot cache.

Packed tokens are ordered: first one token of each decoding sequence (slots are contiguous, so their
cache is a view), then the prompt chunks. What a step's masks are depends on how far a layer looks
back, so a plan has a view for each of its model's windows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by

from inference.engines.local import flash
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed_layers import Head

MOST_SCORES = 1 << 26  # numbers held at once where scores are capped


class DecodeGroup(NamedTuple):
    """Neighbouring decoding rows computed together: rows `start..stop`, keys `begin..end`."""

    start: int
    stop: int
    first_slot: int
    begin: int
    end: int
    mask: torch.Tensor | None  # [rows * kv heads, 1, keys], 0 or -inf


class PromptSpan(NamedTuple):
    """Packed tokens `start..stop` continue the prompt in `slot`, seeing keys `begin..end`."""

    start: int
    stop: int
    slot: int
    begin: int
    end: int
    mask: torch.Tensor | None  # [tokens, keys]; none when the prompt begins here (plain causal)
    bounds: torch.Tensor | None = (
        None  # of queries and keys, [2, 2], for `flash`, which needs no mask
    )


class View(NamedTuple):
    groups: list[DecodeGroup]
    spans: list[PromptSpan]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """`rows` is where the cache keeps the step's tokens; `views` by window."""

    cache: SlotCache
    rows: torch.Tensor
    views: Mapping[int | None, View]


def attend(number: int, query: torch.Tensor, head: Head, plan: StepPlan) -> torch.Tensor:
    """Query `[tokens, heads, width]` of layer `number`; returns `[tokens, heads * width]`."""
    keys, values = plan.cache.layer(number)
    view = plan.views[head.window]
    pieces = [_decode(query[g.start : g.stop], keys, values, g, head) for g in view.groups]
    pieces += [_prefill(query[s.start : s.stop], keys, values, s, head) for s in view.spans]
    if filling := len(query) - sum(map(len, pieces)):  # tokens that nobody wants
        pieces.append(query.new_zeros(filling, query.shape[1] * query.shape[2]))
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _decode(
    rows: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, group: DecodeGroup, head: Head
) -> torch.Tensor:
    """One query a row against its own slot.

    Two batched products over `[rows x kv heads]`, the grouped heads side by side: twice as fast as
    scaled_dot_product_attention here, which has no batched form of a single query on CPU.
    """
    count, heads, width = rows.shape
    window = slice(group.first_slot, group.first_slot + count)
    kv_heads = keys.shape[1]
    own_keys = keys[window, :, group.begin : group.end].flatten(0, 1)
    own_values = values[window, :, group.begin : group.end].flatten(0, 1)
    grouped = rows.reshape(count * kv_heads, heads // kv_heads, width)
    scores = _scores(grouped, own_keys, group.mask, head)
    weights = scores.softmax(-1, dtype=torch.float32).to(rows.dtype)
    return torch.bmm(weights, own_values).view(count, heads * width)


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


def _prefill(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, span: PromptSpan, head: Head
) -> torch.Tensor:
    """A chunk of one prompt against what it sees before it."""
    seen_keys = keys[None, span.slot, :, span.begin : span.end]
    seen_values = values[None, span.slot, :, span.begin : span.end]
    if head.softcap is not None:
        return _prefill_capped(query, seen_keys[0], seen_values[0], span, head)
    if span.bounds is not None:
        return flash.attend(query, seen_keys[0], seen_values[0], span.bounds, head)
    grouped = query.shape[1] // keys.shape[1]
    if query.is_cuda and grouped > 1:  # what knows groups and masks there keeps all scores at once
        seen_keys = seen_keys.repeat_interleave(grouped, dim=1)
        seen_values = seen_values.repeat_interleave(grouped, dim=1)
    output = F.scaled_dot_product_attention(
        query.transpose(0, 1)[None],
        seen_keys,
        seen_values,
        attn_mask=span.mask,
        is_causal=span.mask is None,
        scale=head.scaling,
        enable_gqa=query.shape[1] != seen_keys.shape[1],
    )
    return output[0].transpose(0, 1).flatten(1)


def _prefill_capped(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, span: PromptSpan, head: Head
) -> torch.Tensor:
    """As `_decode` with many queries: scaled_dot_product_attention cannot cap its scores. Some of
    them at a time, where all their scores would be too many."""
    hidden = _later(len(query), query.device) if span.mask is None else ~span.mask
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
