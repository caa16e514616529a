"""Decode steps recorded once and replayed: on a GPU the way to the operations costs more than they.

A recording has fixed shapes, so there is one for each size of batch on a ladder of powers of two,
and, where the step's shapes depend on it, for each length of context. Rows that only fill a batch
up write to the cache's spare slot.
"""

import logging
from collections.abc import Callable
from collections.abc import Sequence as Rows
from typing import NamedTuple, Protocol

import torch

from inference.engines.local.adapters_forward import AdaptedStep, Stack
from inference.engines.local.attention import Planner
from inference.engines.local.kv import Cache
from inference.engines.local.packed import PackedModel
from inference.engines.local.sequences import Sequence
from inference.engines.local.uploads import upload

SHORTEST = 256  # tokens of context in the smallest recording
WARM_UPS = 3  # before recording: libraries choose and allocate while nobody records
STEADY = 32  # steps that adapters have run together before theirs is recorded

Compute = Callable[[], torch.Tensor]

log = logging.getLogger(__name__)


class DecodeStep(Protocol):
    """Logits `[rows, vocabulary]` from tokens, positions and slots, `[3, rows]`."""

    any_length: bool  # its shapes are the same for any `keys`

    def logits(
        self, inputs: torch.Tensor, keys: int, adapted: AdaptedStep | None
    ) -> torch.Tensor: ...


class Recording(NamedTuple):
    """`inputs` are tokens, positions, slots and places in the stack, `[4, rows]`: `replay` computes
    from them."""

    inputs: torch.Tensor
    replay: Compute


class DecodeGraphs:
    """Used by the loop's thread alone. `record` turns a computation into its replay; `room` is for
    the logits of as many rows as there are slots."""

    def __init__(
        self,
        step: DecodeStep,
        cache: Cache,
        record: Callable[[Compute], Compute],
        room: torch.Tensor,
    ) -> None:
        self._step = step
        self._cache = cache
        self._record = record
        self._room = room  # of all recordings' logits: they run one after the other
        self._recordings: dict[tuple[int, int], Recording | None] = {}
        self._stack: Stack | None = None
        self._stacked: dict[tuple[int, int], Recording | None] = {}  # with its adapters
        self._steady = 0

    @torch.inference_mode()
    def logits(
        self, decoding: Rows[Sequence], stack: Stack | None = None, fed: torch.Tensor | None = None
    ) -> torch.Tensor | None:
        """`[rows, vocabulary]`, good until the next call. None: this is not recorded.

        `fed`: the rows' last tokens, where only the device knows them yet.
        """
        recording = self._recording(decoding, stack)
        if recording is None:
            return None
        filling = [0] * (recording.inputs.shape[1] - len(decoding))
        numbers = [
            [row.last_token for row in decoding] + filling,
            [row.length for row in decoding] + filling,
            [row.slot for row in decoding] + [self._cache.spare] * len(filling),
            [_place(row, stack) for row in decoding] + [-1] * len(filling),
        ]
        recording.inputs.copy_(upload(numbers, self._cache.device))
        if fed is not None:
            recording.inputs[0, : len(fed)] = fed
        return recording.replay()[: len(decoding)]

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Record what is needed first, the largest before the smaller, which fit into its memory:
        all sizes of batch, at any length or the shortest context."""
        for rows in reversed(sizes(self._cache.slots)):
            self._recordings[rows, self._keys(1)] = self._recorded(rows, self._keys(1), None)

    def _keys(self, length: int) -> int:
        if self._step.any_length:
            return self._cache.context
        return rung(length, SHORTEST, self._cache.context)

    def _recording(self, decoding: Rows[Sequence], stack: Stack | None) -> Recording | None:
        rows = rung(len(decoding), 1, self._cache.slots)
        keys = self._keys(max(row.length for row in decoding) + 1)
        known = self._recordings
        if stack:
            if not self._is_steady(stack):
                return None
            known = self._stacked
        if (rows, keys) not in known:
            known[rows, keys] = self._recorded(rows, keys, stack)
        return known[rows, keys]

    def _is_steady(self, stack: Stack) -> bool:
        """Recording takes as long as some ten steps, which is in vain for those who soon leave."""
        if stack is not self._stack:
            self._stack, self._steady = stack, 0
            self._stacked.clear()
        self._steady += 1
        return self._steady > STEADY

    def _recorded(self, rows: int, keys: int, stack: Stack | None) -> Recording | None:
        """None, and a word in the log, where there is no room for it."""
        inputs = torch.zeros((4, rows), dtype=torch.long, device=self._cache.device)
        inputs[2] = self._cache.spare  # what warming up writes goes there
        inputs[3] = -1

        def compute() -> torch.Tensor:
            adapted = AdaptedStep(stack, inputs[3]) if stack else None
            logits = self._step.logits(inputs[:3], keys, adapted)
            return self._room[: len(logits)].copy_(logits)

        try:
            return Recording(inputs, self._record(compute))
        except RuntimeError as error:  # a device that is broken says so again at the next step
            log.warning("steps of %d rows go on without being recorded: %s", rows, error)
            return None


class PlainStep:
    """The packed step, as one group of rows: its masks are as long as the context's rung."""

    any_length = False

    def __init__(self, model: PackedModel, planner: Planner) -> None:
        self._model, self._planner = model, planner

    def logits(
        self, inputs: torch.Tensor, keys: int, adapted: AdaptedStep | None = None
    ) -> torch.Tensor:
        tokens, positions, slots = inputs
        plan = self._planner.fixed(slots, positions, keys)
        return self._model.logits(tokens, positions, None, plan, adapted)


class OnCuda:
    """Records on the current GPU. All recordings share one stream and one pool of memory: they
    never run at the same time, and leave nothing there that the next one must not overwrite."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, compute: Compute) -> Compute:
        ordinary = torch.cuda.current_stream()
        try:
            return self._recorded(compute, ordinary)
        finally:
            torch.cuda.set_stream(ordinary)  # a recording that fails leaves its own behind

    def _recorded(self, compute: Compute, ordinary: torch.cuda.Stream) -> Compute:
        self._stream.wait_stream(ordinary)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                compute()
        ordinary.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads load adapters meanwhile: what they allocate must not break the recording.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            output = compute()

        def replay() -> torch.Tensor:
            graph.replay()
            return output

        return replay


def _place(row: Sequence, stack: Stack | None) -> int:
    adapter = row.submission.adapter
    return stack.places[adapter] if stack and adapter else -1


def sizes(most: int) -> list[int]:
    """Of batches, that are recorded."""
    found = [1]
    while found[-1] < most:
        found.append(min(2 * found[-1], most))
    return found


def rung(size: int, first: int, most: int) -> int:
    rung = first
    while rung < size:
        rung *= 2
    return min(rung, most)
