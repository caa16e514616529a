"""Decode steps recorded once and replayed: on a GPU the way to the operations costs more than they.

A recording has fixed shapes, so there is one for each size of batch and length of context on a
ladder of powers of two. Rows that only fill a batch up write to the cache's spare slot.
"""

from collections.abc import Callable
from collections.abc import Sequence as Rows
from typing import NamedTuple

import torch

from inference.engines.local.attention import DecodeGroup, StepPlan, View
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed import PackedModel
from inference.engines.local.sequences import Sequence

SHORTEST = 256  # tokens of context in the smallest recording
WARM_UPS = 3  # before recording: libraries choose and allocate while nobody records

Compute = Callable[[], torch.Tensor]


class Recording(NamedTuple):
    """`inputs` are tokens, positions and slots, `[3, rows]`: `replay` computes from them."""

    inputs: torch.Tensor
    replay: Compute


class DecodeGraphs:
    """Used by the loop's thread alone. `record` turns a computation into its replay."""

    def __init__(
        self, model: PackedModel, cache: SlotCache, record: Callable[[Compute], Compute]
    ) -> None:
        self._model = model
        self._cache = cache
        self._record = record
        self._recordings: dict[tuple[int, int], Recording] = {}

    @torch.inference_mode()
    def logits(self, decoding: Rows[Sequence]) -> torch.Tensor:
        """`[rows, vocabulary]`, good until the next call."""
        count = len(decoding)
        rows = _rung(count, 1, self._cache.slots)
        keys = _rung(max(row.length for row in decoding) + 1, SHORTEST, self._cache.context)
        recording = self._recordings.get((rows, keys)) or self._add(rows, keys)
        filling = rows - count
        numbers = [
            [row.last_token for row in decoding] + [0] * filling,
            [row.length for row in decoding] + [0] * filling,
            [row.slot for row in decoding] + [self._cache.spare] * filling,
        ]
        recording.inputs.copy_(torch.tensor(numbers))
        return recording.replay()[:count]

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Record what is needed first: all sizes of batch, at the shortest context."""
        rows = 1
        while rows < 2 * self._cache.slots:
            self._add(min(rows, self._cache.slots), min(SHORTEST, self._cache.context))
            rows *= 2

    def _add(self, rows: int, keys: int) -> Recording:
        device = self._cache.device
        inputs = torch.zeros((3, rows), dtype=torch.long, device=device)
        inputs[2] = self._cache.spare  # what warming up writes goes there

        def compute() -> torch.Tensor:
            tokens, positions, slots = inputs
            views = {window: self._view(positions, keys, window) for window in self._model.windows}
            plan = StepPlan(self._cache, self._cache.rows(slots, positions), views)
            return self._model.logits(tokens, positions, None, plan, None)

        recording = Recording(inputs, self._record(compute))
        self._recordings[rows, keys] = recording
        return recording

    def _view(self, positions: torch.Tensor, keys: int, window: int | None) -> View:
        """All rows as one group, in the slots from the first one on, as decoding rows are."""
        numbers = torch.arange(keys, device=positions.device)
        hidden = numbers > positions[:, None]
        if window is not None:
            hidden |= numbers <= positions[:, None] - window
        shown = torch.zeros(hidden.shape, dtype=self._cache.dtype, device=positions.device)
        shown.masked_fill_(hidden, -torch.inf)
        mask = shown.repeat_interleave(self._cache.heads, dim=0)[:, None]
        return View([DecodeGroup(0, len(positions), 0, 0, keys, mask)], [])


def on_cuda(compute: Compute) -> Compute:
    """Record on the current GPU."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            compute()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = compute()

    def replay() -> torch.Tensor:
        graph.replay()
        return output

    return replay


def _rung(size: int, first: int, most: int) -> int:
    rung = first
    while rung < size:
        rung *= 2
    return min(rung, most)
