"""Chooses tokens on a device by recorded programs: the host says who asks for what, and waits for
nothing until it reads what was chosen.
"""

import logging
from collections.abc import Callable, Container
from collections.abc import Sequence as Rows
from typing import NamedTuple

import numpy as np
import torch

from inference.engines.local import noise
from inference.engines.local.chosen import Chosen, Sampled
from inference.engines.local.graphs import Compute, rung, sizes
from inference.engines.local.masks import Mask
from inference.engines.local.sampler_program import I32, Column, Needs, Program
from inference.engines.local.sampler_rows import USED, SamplerRow
from inference.engines.local.sequences import Sequence

WARM = (Needs(), Needs(drawn=True), Needs(drawn=True, filtered=True))

log = logging.getLogger(__name__)


class _Plan(NamedTuple):
    """What depends only on who is in the batch."""

    rows: list[Sequence]
    numbers: I32
    seeds: noise.U64
    adjusted: list[tuple[int, int]]  # rows and their places
    wanted: dict[int, int]
    needs: Needs


class RecordedSampler:
    """Used by the loop's thread alone. `room` is where a step leaves its logits, or they are copied
    there; `record` turns a computation into its replay."""

    def __init__(self, room: torch.Tensor, record: Callable[[Compute], Compute]) -> None:
        self.room = room
        self._program = Program(room)
        self._record = record
        self._recordings: dict[tuple[int, Needs], Compute] = {}
        self._places: list[Sequence | None] = [None] * len(room)
        self._next = [-1] * len(room)  # the position that what stands at a place is good for
        self._plan: _Plan | None = None

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Record what is needed first; more is when somebody asks for it."""
        for rows in reversed(sizes(len(self.room))):
            for needs in WARM:
                self._recording(rows, needs)

    def sample(
        self, logits: torch.Tensor, rows: Rows[Sequence], mask: Mask | None = None
    ) -> Sampled:
        return self.choose(logits, rows, mask).read()

    @torch.inference_mode()
    def choose(
        self,
        logits: torch.Tensor,
        rows: Rows[Sequence],
        mask: Mask | None = None,
        ahead: Container[Sequence] = (),
    ) -> Chosen:
        """`logits` are `[rows, vocabulary]`. `ahead`: rows whose last token is still on its way to
        the host."""
        plan = self._plan_for(list(rows))
        positions = [row.generated + (row in ahead) for row in plan.rows]
        self._stand(plan, positions)
        count, size = len(plan.rows), plan.numbers.shape[1]
        numbers, needs = plan.numbers.copy(), plan.needs
        keys = noise.row_keys(plan.seeds, np.array(positions, dtype=np.uint64))
        numbers[Column.KEY_1 : Column.KEY_2 + 1, :count] = keys.T
        if mask:
            needs = needs._replace(held=True)
            forbidden, held = mask.wait()
            self._program.forbid(forbidden)
            numbers[Column.HELD, held] = range(len(held))
        play = self._recording(size, needs)
        self._program.take(numbers)
        if logits.data_ptr() != self.room.data_ptr():
            self.room[:count].copy_(logits)
        return Chosen.sent(play()[:, :count], plan.wanted)

    def _recording(self, rows: int, needs: Needs) -> Compute:
        if (rows, needs) not in self._recordings:
            self._recordings[rows, needs] = self._recorded(rows, needs)
        return self._recordings[rows, needs]

    def _recorded(self, rows: int, needs: Needs) -> Compute:
        """Warming up changes no table and no logits: nobody asks for anything."""
        self._program.take(self._program.neutral(rows))

        def compute() -> torch.Tensor:
            return self._program.compute(rows, needs)

        try:
            return self._record(compute)
        except RuntimeError as error:  # a device that is broken says so again at the next step
            log.warning("choosing for %d rows goes on without being recorded: %s", rows, error)
            return compute

    def _stand(self, plan: _Plan, positions: list[int]) -> None:
        """What a row's penalties add goes on from its last token here; else (it is new, or a step
        of it came to nothing) it is made from what the host knows."""
        for row, place in plan.adjusted:
            if self._next[place] != positions[row]:
                self._program.stand(place, plan.rows[row].sampler.standing())
            self._next[place] = positions[row] + 1

    def _plan_for(self, rows: list[Sequence]) -> _Plan:
        if self._plan is None or self._plan.rows != rows:
            self._plan = self._made(rows)
        return self._plan

    def _made(self, rows: list[Sequence]) -> _Plan:
        states = [row.sampler for row in rows]
        numbers = self._program.neutral(rung(len(rows), 1, len(self._places)))
        real = numbers.view(np.float32)
        adjusted = self._placed(rows)
        for row, place in adjusted:
            numbers[[Column.PLACE, Column.MARK], row] = place, USED
        for row, state in enumerate(states):
            _ask(real[:, row], state)
        return _Plan(
            rows=rows,
            numbers=numbers,
            seeds=np.array([state.seed for state in states], dtype=np.uint64),
            adjusted=adjusted,
            wanted={
                row: state.params.top_logprobs
                for row, state in enumerate(states)
                if state.wants_logprobs
            },
            needs=Needs(
                drawn=not all(state.greedy for state in states),
                filtered=any(state.filtered for state in states),
                adjusted=bool(adjusted),
                reported=any(state.wants_logprobs for state in states),
            ),
        )

    def _placed(self, rows: list[Sequence]) -> list[tuple[int, int]]:
        """Who has left makes room."""
        for place, row in enumerate(self._places):
            if row and row.slot < 0 and row not in rows:
                self._places[place] = None
        known = {row: place for place, row in enumerate(self._places) if row}
        placed = []
        for index, row in enumerate(rows):
            if row.sampler.adjusted:
                if row not in known:
                    known[row] = self._places.index(None)
                    self._places[known[row]], self._next[known[row]] = row, -1
                placed.append((index, known[row]))
        return placed


def _ask(real: "np.ndarray[tuple[int], np.dtype[np.float32]]", state: SamplerRow) -> None:
    if not state.greedy:
        real[[Column.TEMPERATURE, Column.WARM]] = state.params.temperature, 1
        real[Column.TOP_K : Column.LOG_MIN_P + 1] = state.cuts
    real[Column.REPETITION] = state.params.repetition_penalty
    real[[Column.FIRST, Column.AGAIN]] = state.first, state.again
