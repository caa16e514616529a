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
from inference.engines.local.attention import Planner
from inference.engines.local.cuda import opening
from inference.engines.local.graphs import Compute, DecodeGraphs
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed import PackedModel
from inference.engines.local.paged import PagedCache
from inference.engines.local.paged_plans import PagedPlanner
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.sequences import Chunk, Sequence
from inference.engines.local.slot_plans import SlotPlanner
from inference.engines.local.uploads import upload

if TYPE_CHECKING:
    from inference.engines.local.compiled.few_rows import FewRows

# A step with prompts is filled up to a multiple of this. Products are made ready for each number of
# rows that they meet, which takes as long as another product, and half a megabyte for good.
FILLED_TO = 16

log = logging.getLogger(__name__)


class Runner:
    """`record`: how decode steps are recorded, on devices where that is faster (`graphs`)."""

    def __init__(
        self,
        model: PreTrainedModel,
        cache: SlotCache | PagedCache,
        record: Callable[[Compute], Compute] | None = None,
    ) -> None:
        model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        self.model = model
        self._packed = PackedModel(model)
        self._stacks = Stacks(model.device)
        self.cache = cache
        self.device = model.device
        self._planner = _planner(cache, self._packed)
        self._graphs: DecodeGraphs | None = None
        self.sampler: RecordedSampler | None = None  # where the way to a device's tokens is long
        if record or self.device.type != "cpu":
            room = torch.zeros((cache.slots, model.config.vocab_size), device=self.device)
            self.sampler = RecordedSampler(room, record or (lambda compute: compute))
        if record and self.sampler:
            step = opening.decode_step(self._packed, cache, self._planner)
            self._graphs = DecodeGraphs(step, cache, record, self.sampler.room)
        self._few: FewRows | None = None

    @torch.inference_mode()
    def forward(self, decoding: Rows[Sequence], chunks: Rows[Chunk]) -> torch.Tensor:
        """Logits `[decoding + completed prompts + scored, vocabulary]`: the last are those of the
        prompt tokens before the ones to be scored. Decoding slots are contiguous."""
        owners = _adapters(decoding, chunks)
        if not chunks and (replayed := self.replayed(decoding, None)) is not None:
            return replayed
        if chunks and (replayed := self.replayed(decoding, None)) is not None:
            # The prompts' operations are on their way while the device computes these.
            return torch.cat((replayed, self.forward([], chunks)))
        few = self._few
        if few and not chunks and few.can(decoding):
            return few.logits(decoding)
        self.cache.settle()
        step = _packed(decoding, chunks)
        filling = -len(step.tokens) % FILLED_TO if chunks else 0
        step.fill_up(filling, self.cache.spare)
        owners += [None] * filling
        numbers = upload([step.tokens, step.positions, step.slots], self.device)
        tokens, positions, slots = numbers
        plan = self._planner.plan(decoding, chunks, slots, positions)
        adapted = self._stacks.step(owners)
        return self._packed.logits(tokens, positions, self._indices(step), plan, adapted)

    def replayed(self, decoding: Rows[Sequence], fed: torch.Tensor | None) -> torch.Tensor | None:
        """A recorded step's logits, with the rows' last tokens from `fed` where only the device
        knows them. None: nothing is recorded for these rows."""
        if not (self._graphs and decoding):
            return None
        self.cache.settle()
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
        if self.sampler:
            self.sampler.warm_up()

    def speed_up(self) -> None:
        """Let compiled code do the steps that it knows. Takes seconds: steps may run meanwhile."""
        if self.device.type != "cpu" or not isinstance(self.cache, SlotCache):
            return
        try:
            from inference.engines.local.compiled import few_rows  # noqa: PLC0415 - takes a while

            if few_rows.can(self._packed.parts, self.cache):
                self._few = few_rows.FewRows(self._packed.parts, self.cache)
        except Exception as error:  # noqa: BLE001 - whatever this machine lacks, torch goes on
            log.warning("no machine code here, so few rows are computed as many are: %r", error)


def _planner(cache: SlotCache | PagedCache, packed: PackedModel) -> Planner:
    parts, windows = packed.parts, packed.windows
    capped = any(layer.head.softcap is not None for layer in parts.layers)
    by_flash = not capped and flash.serves(cache, parts.heads)
    if isinstance(cache, SlotCache):
        return SlotPlanner(cache, windows, flash=by_flash)
    in_place = by_flash and flash.serves(cache, parts.heads, blocks=True)
    return PagedPlanner(cache, windows, flash=by_flash, in_place=in_place)


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
        tokens += chunk.sequence.prompt[chunk.start : chunk.stop]
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
