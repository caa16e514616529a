"""What a step's tokens see, where every slot is a stretch of the cache.

Slots of decoding rows are contiguous, so what they have is a view.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from typing import NamedTuple

import torch

from inference.engines.local import flash
from inference.engines.local.attention import (
    joined,
    many_queries,
    one_query,
    prompt_mask,
    shown_mask,
)
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed_layers import Head
from inference.engines.local.sequences import Chunk, Sequence

# Numbers of padding (per layer, keys only) that cost about as much as starting another group.
PADDING_PER_GROUP = 1 << 16
ON_A_GPU = 256  # times as many: there a group costs its launches


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
    bounds: flash.Bounds | None = None  # for `flash`, which needs no mask


class View(NamedTuple):
    groups: list[DecodeGroup]
    spans: list[PromptSpan]


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """`rows` is where the cache keeps the step's tokens; `views` by window."""

    cache: SlotCache
    rows: torch.Tensor
    views: Mapping[int | None, View]

    def attend(
        self,
        number: int,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        head: Head,
    ) -> torch.Tensor:
        self.cache.write(number, keys, values, self.rows)
        kept, view = self.cache.layer(number), self.views[head.window]
        pieces = [_decode(query[g.start : g.stop], *kept, g, head) for g in view.groups]
        pieces += [_prefill(query[s.start : s.stop], *kept, s, head) for s in view.spans]
        return joined(pieces, query)


class SlotPlanner:
    """`windows` are those of the model's layers; `flash`: its prompts are computed so."""

    def __init__(self, cache: SlotCache, windows: Iterable[int | None], *, flash: bool) -> None:
        self._cache, self._windows = cache, set(windows)
        self.flash = self.in_place = flash
        dearest = PADDING_PER_GROUP * (ON_A_GPU if cache.device.type == "cuda" else 1)
        self._padding = dearest // (cache.heads * cache.width)

    def plan(
        self,
        decoding: Rows[Sequence],
        chunks: Rows[Chunk],
        slots: torch.Tensor,
        positions: torch.Tensor,
    ) -> SlotPlan:
        views = {
            window: self._view(decoding, chunks, positions, window) for window in self._windows
        }
        return SlotPlan(self._cache, self._cache.rows(slots, positions), views)

    def fixed(self, slots: torch.Tensor, positions: torch.Tensor, keys: int) -> SlotPlan:
        """All rows as one group, in the slots from the first one on, as decoding rows are."""
        views = {}
        numbers = torch.arange(keys, device=positions.device)
        for window in self._windows:
            hidden = numbers > positions[:, None]
            if window is not None:
                hidden |= numbers <= positions[:, None] - window
            mask = shown_mask(hidden, self._cache.heads, self._cache.dtype)
            views[window] = View([DecodeGroup(0, len(positions), 0, 0, keys, mask)], [])
        return SlotPlan(self._cache, self._cache.rows(slots, positions), views)

    def _view(
        self,
        decoding: Rows[Sequence],
        chunks: Rows[Chunk],
        positions: torch.Tensor,
        window: int | None,
    ) -> View:
        spans, start = [], len(decoding)
        for chunk in chunks:
            spans.append(self._span(chunk, start, window))
            start = spans[-1].stop
        return View(self._groups(decoding, positions, window), spans)

    def _span(self, chunk: Chunk, start: int, window: int | None) -> PromptSpan:
        begin = 0 if window is None else max(0, chunk.start - window + 1)
        stop = start + chunk.stop - chunk.start
        mask = bounds = None
        if self.flash:
            bounds = flash.bounds([stop - start], [chunk.stop - begin], self._cache.device)
        else:
            mask = prompt_mask(begin, chunk, window, self._cache.device)
        return PromptSpan(start, stop, chunk.sequence.slot, begin, chunk.stop, mask, bounds)

    def _groups(
        self, decoding: Rows[Sequence], positions: torch.Tensor, window: int | None
    ) -> list[DecodeGroup]:
        """Cut where padding short rows to the longest would cost more than another group."""
        groups: list[DecodeGroup] = []
        start, longest, padding = 0, 0, 0
        for index, row in enumerate(decoding):
            length = row.length + 1
            growth = max(length - longest, 0) * (index - start) + max(longest - length, 0)
            if padding + growth > self._padding:
                groups.append(self._group(decoding[start:index], start, positions, window))
                start, longest, padding, growth = index, 0, 0, 0
            longest, padding = max(longest, length), padding + growth
        if decoding:
            groups.append(self._group(decoding[start:], start, positions, window))
        return groups

    def _group(
        self, rows: Rows[Sequence], start: int, positions: torch.Tensor, window: int | None
    ) -> DecodeGroup:
        lengths = [row.length + 1 for row in rows]
        shortest, end, begin, mask = min(lengths), max(lengths), 0, None
        if window is not None:
            begin = max(0, shortest - window)
        if shortest < end or (window is not None and end > window + begin):
            keys = torch.arange(begin, end, device=self._cache.device)
            own = positions[start : start + len(rows), None]
            hidden = keys > own
            if window is not None:
                hidden |= keys <= own - window
            mask = shown_mask(hidden, self._cache.heads, self._cache.dtype)
        return DecodeGroup(start, start + len(rows), rows[0].slot, begin, end, mask)


def _decode(
    rows: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, group: DecodeGroup, head: Head
) -> torch.Tensor:
    window = slice(group.first_slot, group.first_slot + len(rows))
    own_keys = keys[window, :, group.begin : group.end].flatten(0, 1)
    own_values = values[window, :, group.begin : group.end].flatten(0, 1)
    return one_query(rows, own_keys, own_values, group.mask, head)


def _prefill(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, span: PromptSpan, head: Head
) -> torch.Tensor:
    seen_keys = keys[span.slot, :, span.begin : span.end]
    seen_values = values[span.slot, :, span.begin : span.end]
    if span.bounds is not None:
        turned = seen_keys.transpose(0, 1), seen_values.transpose(0, 1)
        return flash.attend(query, *turned, span.bounds, head)
    return many_queries(query, seen_keys, seen_values, span.mask, head)
