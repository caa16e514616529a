"""Runs one packed step through the model: plans the tokens, and returns the logits that matter."""

import logging
from collections.abc import Callable
from collections.abc import Sequence as Rows
from typing import TYPE_CHECKING, NamedTuple

import torch
from transformers import PreTrainedModel

from inference.engines.local import flash
from inference.engines.local.adapters import Adapter
from inference.engines.local.adapters_forward import Stacks
from inference.engines.local.attention import DecodeGroup, PromptSpan, StepPlan, View
from inference.engines.local.cuda import opening
from inference.engines.local.graphs import Compute, DecodeGraphs
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed import PackedModel
from inference.engines.local.sequences import Chunk, Sequence
from inference.engines.local.uploads import upload

if TYPE_CHECKING:
    from inference.engines.local.compiled.few_rows import FewRows

# Numbers of padding (per layer, keys only) that cost about as much as starting another group.
PADDING_PER_GROUP = 1 << 16
ON_A_GPU = 256  # times as many: there a group costs its launches
# A step with prompts is filled up to a multiple of this. Products are made ready for each number of
# rows that they meet, which takes as long as another product, and half a megabyte for good.
FILLED_TO = 16

log = logging.getLogger(__name__)


class Runner:
    """`record`: how decode steps are recorded, on devices where that is faster (`graphs`)."""

    def __init__(
        self,
        model: PreTrainedModel,
        cache: SlotCache,
        record: Callable[[Compute], Compute] | None = None,
    ) -> None:
        model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        self.model = model
        self._packed = PackedModel(model)
        self._stacks = Stacks(model.device)
        self.cache = cache
        self._heads, _, width = cache.layer(0)[0].shape[1:]
        dearest = PADDING_PER_GROUP * (ON_A_GPU if cache.device.type == "cuda" else 1)
        self._padding = dearest // (self._heads * width)
        self._dtype = model.dtype
        self.device = model.device
        capped = any(layer.head.softcap is not None for layer in self._packed.parts.layers)
        self._flash = not capped and flash.serves(cache, model.config.num_attention_heads)
        self._graphs: DecodeGraphs | None = None
        if record:
            step = opening.decode_step(self._packed, cache)
            self._graphs = DecodeGraphs(step, cache, record)
        self._few: FewRows | None = None

    @torch.inference_mode()
    def forward(self, decoding: Rows[Sequence], chunks: Rows[Chunk]) -> torch.Tensor:
        """Logits `[decoding + completed prompts + scored, vocabulary]`: the last are those of the
        prompt tokens before the ones to be scored. Decoding slots are contiguous."""
        owners = _adapters(decoding, chunks)
        if not chunks and (replayed := self.replayed(decoding, None)) is not None:
            return replayed
        few = self._few
        if few and not chunks and few.can(decoding):
            return few.logits(decoding)
        step = _packed(decoding, chunks)
        filling = -len(step.tokens) % FILLED_TO if chunks else 0
        step.fill_up(filling, self.cache.spare)
        owners += [None] * filling
        numbers = upload([step.tokens, step.positions, step.slots], self.device)
        tokens, positions, slots = numbers
        views = {
            window: self._view(decoding, chunks, positions, window)
            for window in self._packed.windows
        }
        plan = StepPlan(self.cache, self.cache.rows(slots, positions), views)
        adapted = self._stacks.step(owners)
        return self._packed.logits(tokens, positions, self._indices(step), plan, adapted)

    def replayed(self, decoding: Rows[Sequence], fed: torch.Tensor | None) -> torch.Tensor | None:
        """A recorded step's logits, with the rows' last tokens from `fed` where only the device
        knows them. None: nothing is recorded for these rows."""
        if not (self._graphs and decoding):
            return None
        stack = self._stacks.of(_adapters(decoding, []))
        return self._graphs.logits(decoding, stack, fed)

    def _indices(self, step: "_Packed") -> torch.Tensor | None:
        """Of the tokens whose logits are wanted; None: of all, in their order."""
        if step.wanted == list(range(len(step.tokens))):
            return None
        return upload(step.wanted, self.device, torch.long)

    def warm_up(self) -> None:
        """Record, where that is done, before anybody waits for it."""
        if self._graphs:
            self._graphs.warm_up()

    def speed_up(self) -> None:
        """Let compiled code do the steps that it knows. Takes seconds: steps may run meanwhile."""
        if self.device.type != "cpu":
            return
        try:
            from inference.engines.local.compiled import few_rows  # noqa: PLC0415 - takes a while

            if few_rows.can(self._packed.parts, self.cache):
                self._few = few_rows.FewRows(self._packed.parts, self.cache)
        except Exception as error:  # noqa: BLE001 - whatever this machine lacks, torch goes on
            log.warning("no machine code here, so few rows are computed as many are: %r", error)

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
        begin, mask = 0, None
        if window is not None:
            begin = max(0, chunk.start - window + 1)
        stop = start + chunk.stop - chunk.start
        if self._flash:
            lengths = [[0, stop - start], [0, chunk.stop - begin]]
            bounds = upload(lengths, self.device, torch.int32)
            slot = chunk.sequence.slot
            return PromptSpan(start, stop, slot, begin, chunk.stop, mask, bounds)
        if chunk.start or (window is not None and chunk.stop > window):
            keys = torch.arange(begin, chunk.stop, device=self.device)
            own = torch.arange(chunk.start, chunk.stop, device=self.device)[:, None]
            mask = keys <= own
            if window is not None:
                mask &= keys > own - window
        return PromptSpan(start, stop, chunk.sequence.slot, begin, chunk.stop, mask)

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
            keys = torch.arange(begin, end, device=self.device)
            own = positions[start : start + len(rows), None]
            hidden = keys > own
            if window is not None:
                hidden |= keys <= own - window
            empty = torch.zeros(hidden.shape, dtype=self._dtype, device=self.device)
            shown = empty.masked_fill_(hidden, -torch.inf)
            mask = shown.repeat_interleave(self._heads, dim=0)[:, None]
        return DecodeGroup(start, start + len(rows), rows[0].slot, begin, end, mask)


class _Packed(NamedTuple):
    """A number for each token of a step, and which tokens' logits are wanted."""

    tokens: list[int]
    positions: list[int]
    slots: list[int]
    wanted: list[int]

    def fill_up(self, count: int, slot: int) -> None:
        """With tokens that nobody wants, in a slot that is nobody's."""
        self.tokens.extend([0] * count)
        self.positions.extend([0] * count)
        self.slots.extend([slot] * count)


def _packed(decoding: Rows[Sequence], chunks: Rows[Chunk]) -> _Packed:
    tokens = [row.last_token for row in decoding]
    positions = [row.length for row in decoding]
    slots = [row.slot for row in decoding]
    wanted = list(range(len(decoding)))
    scored: list[int] = []
    for chunk in chunks:
        start, size = len(tokens), chunk.stop - chunk.start
        tokens += chunk.sequence.submission.prompt[chunk.start : chunk.stop]
        positions += range(chunk.start, chunk.stop)
        slots += [chunk.sequence.slot] * size
        if chunk.completes_prompt:
            wanted.append(start + size - 1)
        scored += range(start, start + chunk.scored)
    return _Packed(tokens, positions, slots, wanted + scored)


def _adapters(decoding: Rows[Sequence], chunks: Rows[Chunk]) -> list[Adapter | None]:
    """Of each packed token, if any has one."""
    owners = [row.submission.adapter for row in decoding]
    for chunk in chunks:
        owners += [chunk.sequence.submission.adapter] * (chunk.stop - chunk.start)
    return owners
