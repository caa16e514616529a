"""What a step's tokens see, where a slot's tokens are in blocks.

Decoding rows are a kernel's work, which reads the table, and prompts that of torch's flash
attention, which reads it, too, or keys that are fetched for it. Elsewhere torch's own operations
compute with what is fetched, and are what both are measured by.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from itertools import accumulate
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
from inference.engines.local.packed_layers import Head
from inference.engines.local.paged import BLOCK, PagedCache, blocks_of
from inference.engines.local.sequences import Chunk, Sequence
from inference.engines.local.uploads import upload

MOST_FETCHED = 1 << 26  # numbers of keys at once

Kept = tuple[torch.Tensor, torch.Tensor]
# Queries `[rows, heads, width]`, keys and values, the rows' slots and positions.
Kernel = Callable[[torch.Tensor, Kept, Kept, Head], torch.Tensor]


class Fetched(NamedTuple):
    """Decoding rows `start..stop`: where their keys are, and which of those are not for them."""

    start: int
    stop: int
    blocks: torch.Tensor  # [rows, blocks]
    hidden: torch.Tensor  # [rows, keys]
    mask: torch.Tensor  # [rows * kv heads, 1, keys], 0 or -inf


class Span(NamedTuple):
    """Packed tokens `start..stop` of one prompt, and where the keys are that they see."""

    start: int
    stop: int
    places: torch.Tensor
    mask: torch.Tensor | None


class Prompts(NamedTuple):
    """Packed tokens `start..stop` of some prompts, and where the keys are that they see (None: the
    bounds say where their blocks are)."""

    start: int
    stop: int
    places: torch.Tensor | None
    bounds: flash.Bounds


class View(NamedTuple):
    rows: list[Fetched]
    spans: list[Span]
    prompts: list[Prompts]


@dataclass(frozen=True, slots=True)
class PagedPlan:
    """`places` is where the cache keeps the step's tokens; `views` by window; `decoding`: slots and
    positions of the rows that `kernel` computes, if there is one."""

    cache: PagedCache
    places: torch.Tensor
    views: Mapping[int | None, View]
    decoding: Kept | None = None
    kernel: Kernel | None = None

    def attend(
        self,
        number: int,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        head: Head,
    ) -> torch.Tensor:
        self.cache.write(number, keys, values, self.places)
        kept, tokens = self.cache.layer(number), self.cache.layer_tokens(number)
        view, pieces = self.views[head.window], []
        if self.kernel and self.decoding:
            rows = query[: len(self.decoding[0])].contiguous()
            pieces.append(self.kernel(rows, kept, self.decoding, head))
        pieces += [_decode(query[some.start : some.stop], kept, some, head) for some in view.rows]
        pieces += [_prefill(query[s.start : s.stop], tokens, s, head) for s in view.spans]
        pieces += [_flash(query, kept, tokens, some, head) for some in view.prompts]
        return joined(pieces, query)


class PagedPlanner:
    """`windows` are those of the model's layers; `flash`: its prompts are computed so; `in_place`:
    from their blocks. `kernel`: computes decoding rows, once it is trusted."""

    def __init__(
        self,
        cache: PagedCache,
        windows: Iterable[int | None],
        *,
        flash: bool = False,
        in_place: bool = False,
    ) -> None:
        self._cache, self._windows = cache, set(windows)
        self.flash, self.in_place = flash, flash and in_place
        self.kernel: Kernel | None = None

    def plan(
        self,
        decoding: Rows[Sequence],
        chunks: Rows[Chunk],
        slots: torch.Tensor,
        positions: torch.Tensor,
    ) -> PagedPlan:
        count = len(decoding)
        own = slots[:count].clone(), positions[:count].clone()  # aligned: kernels differ with that
        fetched: dict[int | None, list[Fetched]] = {window: [] for window in self._windows}
        if decoding and not self.kernel:
            fetched = self._fetched(*own, max(row.length for row in decoding) + 1)
        views = {
            window: self._view(fetched[window], chunks, count, window) for window in self._windows
        }
        kernel_rows = own if decoding and self.kernel else None
        places = self._cache.places(slots, positions)
        return PagedPlan(self._cache, places, views, kernel_rows, self.kernel)

    def fixed(self, slots: torch.Tensor, positions: torch.Tensor, keys: int) -> PagedPlan:
        fetched = self._fetched(slots, positions, keys)
        views = {window: View(fetched[window], [], []) for window in self._windows}
        return PagedPlan(self._cache, self._cache.places(slots, positions), views)

    def _fetched(
        self, slots: torch.Tensor, positions: torch.Tensor, keys: int
    ) -> dict[int | None, list[Fetched]]:
        """Some rows at a time, where all their keys would be too many."""
        cache, columns = self._cache, blocks_of(keys)
        at_once = max(1, MOST_FETCHED // (columns * BLOCK * cache.heads * cache.width))
        numbers = torch.arange(columns * BLOCK, device=cache.device)
        found: dict[int | None, list[Fetched]] = {window: [] for window in self._windows}
        for start in range(0, len(slots), at_once):
            stop = min(start + at_once, len(slots))
            blocks = cache.table[slots[start:stop], :columns]
            own = positions[start:stop, None]
            for window, parts in found.items():
                hidden = numbers > own
                if window is not None:
                    hidden |= numbers <= own - window
                mask = shown_mask(hidden, cache.heads, cache.dtype)
                parts.append(Fetched(start, stop, blocks, hidden, mask))
        return found

    def _view(
        self, rows: list[Fetched], chunks: Rows[Chunk], start: int, window: int | None
    ) -> View:
        if not chunks:
            return View(rows, [], [])
        if self.flash:
            return View(rows, [], self._prompts(chunks, start, window))
        spans = []
        for chunk in chunks:
            stop = start + chunk.stop - chunk.start
            begin = _begin(chunk, window)
            mask = prompt_mask(begin, chunk, window, self._cache.device)
            seen = torch.arange(begin, chunk.stop, device=self._cache.device)
            places = self._cache.places(chunk.sequence.slot, seen)
            spans.append(Span(start, stop, places, mask))
            start = stop
        return View(rows, spans, [])

    def _prompts(self, chunks: Rows[Chunk], start: int, window: int | None) -> list[Prompts]:
        if self.in_place:
            return [self._where_they_lie(chunks, start)]
        found: list[Prompts] = []
        for some in self._together(chunks, window):
            queries = [chunk.stop - chunk.start for chunk in some]
            keys = [chunk.stop - _begin(chunk, window) for chunk in some]
            bounds = flash.bounds(queries, keys, self._cache.device)
            stop = start + sum(queries)
            found.append(Prompts(start, stop, self._seen(some, keys), bounds))
            start = stop
        return found

    def _where_they_lie(self, chunks: Rows[Chunk], start: int) -> Prompts:
        device, lengths = self._cache.device, [chunk.stop for chunk in chunks]
        queries = [chunk.stop - chunk.start for chunk in chunks]
        slots = upload([chunk.sequence.slot for chunk in chunks], device, torch.long)
        table = self._cache.table[slots, : blocks_of(max(lengths))].contiguous()
        used = upload(lengths, device, torch.int32)
        bounds = flash.bounds(queries, lengths, device)._replace(table=table, used=used)
        return Prompts(start, start + sum(queries), None, bounds)

    def _together(self, chunks: Rows[Chunk], window: int | None) -> list[list[Chunk]]:
        """Neighbours whose keys are fetched at once."""
        most = MOST_FETCHED // (self._cache.heads * self._cache.width)
        found: list[list[Chunk]] = []
        kept = most
        for chunk in chunks:
            keys = chunk.stop - _begin(chunk, window)
            if kept + keys > most:
                found.append([])
                kept = 0
            found[-1].append(chunk)
            kept += keys
        return found

    def _seen(self, chunks: Rows[Chunk], keys: Rows[int]) -> torch.Tensor:
        """Where so many tokens up to the end of each chunk are, all in one row."""
        device, ends = self._cache.device, accumulate(keys)
        shifts = [chunk.stop - end for chunk, end in zip(chunks, ends, strict=True)]
        slots = [chunk.sequence.slot for chunk in chunks]
        numbers, total = upload([slots, shifts, list(keys)], device), sum(keys)
        own = torch.repeat_interleave(numbers[2], output_size=total)  # which chunk each one is of
        positions = torch.arange(total, device=device) + numbers[1][own]
        return self._cache.places(numbers[0][own], positions)


def _begin(chunk: Chunk, window: int | None) -> int:
    return 0 if window is None else max(0, chunk.start - window + 1)


def _decode(rows: torch.Tensor, kept: Kept, some: Fetched, head: Head) -> torch.Tensor:
    """Numbers that others left there may be none: nothing but zeros is masked."""
    fetched = []
    for each in kept:
        own = each[some.blocks].flatten(1, 2)  # [rows, keys, kv heads, width]
        own.masked_fill_(some.hidden[..., None, None], 0)
        fetched.append(own.transpose(1, 2).flatten(0, 1))
    return one_query(rows, fetched[0], fetched[1], some.mask, head)


def _prefill(query: torch.Tensor, tokens: Kept, span: Span, head: Head) -> torch.Tensor:
    keys, values = (each[span.places].transpose(0, 1) for each in tokens)
    return many_queries(query, keys, values, span.mask, head)


def _flash(
    query: torch.Tensor, kept: Kept, tokens: Kept, prompts: Prompts, head: Head
) -> torch.Tensor:
    own = query[prompts.start : prompts.stop]
    if prompts.places is None:
        return flash.attend(own, *kept, prompts.bounds, head)
    keys, values = (each[prompts.places] for each in tokens)
    return flash.attend(own, keys, values, prompts.bounds, head)
