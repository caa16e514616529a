"""Attention of one packed step over the slot cache, called by transformers' own model code.

Registered with `AttentionInterface`, so models stay unmodified. The step's plan travels as a
keyword argument of the model's forward. Packed tokens are ordered: first one token of each decoding
sequence (slots are contiguous, so their cache is a view), then the prompt chunks.
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from transformers import AttentionInterface

from inference.engines.local.kv import SlotCache

NAME = "smarter_slots"


class DecodeGroup(NamedTuple):
    """Neighbouring decoding rows computed together: rows `start..stop`, `length` keys each."""

    start: int
    stop: int
    first_slot: int
    length: int
    mask: torch.Tensor | None  # [rows * kv heads, 1, length], 0 or -inf


class PromptSpan(NamedTuple):
    """Packed tokens `start..stop` continue the prompt in `slot` from `position` on."""

    start: int
    stop: int
    slot: int
    position: int
    mask: torch.Tensor | None  # [tokens, keys]; none when the prompt begins here (plain causal)


@dataclass(frozen=True, slots=True)
class StepPlan:
    cache: SlotCache
    decoding: int
    slots: torch.Tensor
    positions: torch.Tensor
    groups: list[DecodeGroup]
    spans: list[PromptSpan]


def slot_attention(  # noqa: PLR0913 - the signature is transformers'
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    *,
    step: StepPlan,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Query `[1, heads, tokens, width]`, key and value `[1, kv heads, tokens, width]`.

    Returns `[1, tokens, heads, width]`.
    """
    keys, values = step.cache.layer(cast("int", module.layer_idx))
    pieces = []
    if step.decoding:
        count = step.decoding
        keys[step.slots, :, step.positions] = key[0, :, :count].transpose(0, 1)
        values[step.slots, :, step.positions] = value[0, :, :count].transpose(0, 1)
        rows = query[0, :, :count].transpose(0, 1)
        pieces += [_decode(rows[g.start : g.stop], keys, values, g, scaling) for g in step.groups]
    for span in step.spans:
        tokens = slice(span.start, span.stop)
        stop = span.position + span.stop - span.start
        keys[span.slot, :, span.position : stop] = key[0, :, tokens]
        values[span.slot, :, span.position : stop] = value[0, :, tokens]
        pieces.append(_prefill(query[:, :, tokens], keys, values, span, scaling))
    output = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
    return output[None], None


def _decode(
    rows: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    group: DecodeGroup,
    scaling: float,
) -> torch.Tensor:
    """One query a row against its own slot, `[rows, heads, width]`.

    Two batched products over `[rows x kv heads]`, the grouped heads side by side: twice as fast as
    scaled_dot_product_attention here, which has no batched form of a single query on CPU.
    """
    count, heads, width = rows.shape
    window = slice(group.first_slot, group.first_slot + count)
    kv_heads = keys.shape[1]
    flat_keys = keys[window, :, : group.length].flatten(0, 1)
    flat_values = values[window, :, : group.length].flatten(0, 1)
    grouped = rows.reshape(count * kv_heads, heads // kv_heads, width)
    if group.mask is None:
        scores = torch.bmm(grouped * scaling, flat_keys.transpose(1, 2))
    else:
        scores = torch.baddbmm(group.mask, grouped, flat_keys.transpose(1, 2), alpha=scaling)
    weights = scores.softmax(-1, dtype=torch.float32).to(rows.dtype)
    return torch.bmm(weights, flat_values).view(count, heads, width)


def _prefill(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    span: PromptSpan,
    scaling: float,
) -> torch.Tensor:
    """A chunk of one prompt against everything before it, `[tokens, heads, width]`."""
    stop = span.position + query.shape[2]
    output = F.scaled_dot_product_attention(
        query,
        keys[None, span.slot, :, :stop],
        values[None, span.slot, :, :stop],
        attn_mask=span.mask,
        is_causal=span.mask is None,
        scale=scaling,
        enable_gqa=query.shape[1] != keys.shape[1],
    )
    return output[0].transpose(0, 1)


AttentionInterface.register(NAME, slot_attention)
