"""Texts that wait to be read: packed into bounded pieces, tenants and their requests in turn."""

import logging
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from inference.engines.base import EngineError, EngineOverloaded, GenerationFailed
from inference.engines.local.embedding.models import TextModel
from inference.engines.texts import MAX_TOKENS

log = logging.getLogger(__name__)

MOST_WAITING = 2 * MAX_TOKENS
LEAST_TOKENS = 16  # of a piece, however little time there is
REMEMBERED = 0.5  # of the speed, at each piece


@dataclass(slots=True, eq=False)
class Job:
    """One request. `done` is called once, in the loop's thread, with `numbers` or `error` there."""

    texts: "Sequence[array[int]]"
    tenant: str
    done: "Callable[[Job], object]"
    error: EngineError | None = None
    cancelled: bool = False
    numbers: torch.Tensor | None = None
    waiting: list[int] = field(default_factory=list)  # the shortest last
    missing: int = 0

    def __post_init__(self) -> None:
        self.waiting = sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i]))
        self.missing = len(self.texts)

    @property
    def over(self) -> bool:
        return self.cancelled or self.error is not None


class Row(NamedTuple):
    job: Job
    place: int

    @property
    def text(self) -> "array[int]":
        return self.job.texts[self.place]


class TextQueue:
    """`add` may be called from any thread, `work` from the loop's alone."""

    def __init__(self, model: TextModel, most_waiting: int = MOST_WAITING) -> None:
        self.model = model
        self._most_waiting = most_waiting
        self._tokens = 0
        self._lock = threading.Lock()
        self._tenants: deque[str] = deque()
        self._jobs: dict[str, deque[Job]] = {}
        self._again: deque[list[Row]] = deque()  # rows of a failed piece, each alone
        self._current: tuple[list[Row], Iterator[torch.Tensor | None]] | None = None
        self._speed = 0.0  # tokens a second

    def __bool__(self) -> bool:
        return bool(self._current or self._again or self._tenants)

    @property
    def tokens(self) -> int:
        """How many wait."""
        return self._tokens

    def add(self, job: Job) -> None:
        """Raises EngineOverloaded when too much waits already."""
        size = sum(map(len, job.texts))
        with self._lock:
            if self._tokens + size > self._most_waiting:
                raise EngineOverloaded("Too many texts wait to be read.", retry_after=5.0)
            self._tokens += size
            if job.tenant not in self._jobs:
                self._jobs[job.tenant] = deque()
                self._tenants.append(job.tenant)
            self._jobs[job.tenant].append(job)

    def work(self, seconds: float | None = None) -> None:
        """Compute one piece, or one part of a text that is longer than a piece; where somebody
        waits, a piece that takes about so many seconds."""
        self.model.part_tokens = self._fitting(seconds)
        if self._current is None:
            rows = self._next_piece()
            if not rows:
                return
            self._current = rows, self.model.read([row.text for row in rows])
        rows, parts = self._current
        began = time.monotonic()
        try:
            numbers = next(parts)
        except Exception as error:  # noqa: BLE001 - the border to torch: one text harms no other
            self._current = None
            self._failed(rows, error)
            return
        self._note_speed(rows, time.monotonic() - began)
        if numbers is not None:
            self._current = None
            self._give(rows, numbers)
        elif all(row.job.over for row in rows):
            self._current = None

    def _fitting(self, seconds: float | None) -> int:
        if seconds is None:
            return self.model.piece_tokens
        return min(max(LEAST_TOKENS, round(seconds * self._speed)), self.model.piece_tokens)

    def _note_speed(self, rows: list[Row], seconds: float) -> None:
        padded = len(rows) * max(len(row.text) for row in rows)
        speed = min(padded, self.model.part_tokens) / max(seconds, 1e-6)
        self._speed += (1 - REMEMBERED) * (speed - self._speed)

    def _next_piece(self) -> list[Row]:
        if self._again:
            return self._again.popleft()
        piece: list[Row] = []
        longest = 0
        with self._lock:
            for _ in range(len(self._tenants)):
                longest = self._fill(piece, longest, self._jobs[self._tenants[0]])
                tenant = self._tenants.popleft()
                if self._jobs[tenant]:
                    self._tenants.append(tenant)
                else:
                    del self._jobs[tenant]
                if longest * (len(piece) + 1) > self.model.part_tokens:
                    break
        return piece

    def _fill(self, piece: list[Row], longest: int, jobs: deque[Job]) -> int:
        """Add what fits, one job after the other; padded, all rows are as long as the longest."""
        for _ in range(len(jobs)):
            job = jobs.popleft()
            while job.waiting:
                size = len(job.texts[job.waiting[-1]])
                padded = max(longest, size) * (len(piece) + 1)
                if piece and not job.over and padded > self.model.part_tokens:
                    break
                place = job.waiting.pop()
                self._tokens -= size
                if not job.over:
                    piece.append(Row(job, place))
                    longest = max(longest, size)
            if job.waiting:  # the piece is full; next time it is another one's turn
                jobs.append(job)
                break
        return longest

    def _failed(self, rows: list[Row], error: Exception) -> None:
        if len(rows) > 1:
            self._again.extend([row] for row in rows)
            return
        log.warning("a text could not be read: %r", error)
        self._end(rows[0].job, GenerationFailed("The model failed on one of these inputs."))

    def _give(self, rows: list[Row], numbers: torch.Tensor) -> None:
        sound = numbers.isfinite().all(dim=-1).tolist()
        for row, vector, is_sound in zip(rows, numbers, sound, strict=True):
            job = row.job
            if job.over:
                continue
            if not is_sound:
                self._end(job, GenerationFailed("The model made no numbers of an input."))
                continue
            if job.numbers is None:
                job.numbers = torch.empty((len(job.texts), self.model.width))
            job.numbers[row.place] = vector
            job.missing -= 1
            if not job.missing:
                job.done(job)

    def _end(self, job: Job, error: EngineError) -> None:
        if not job.over:
            job.error = error
            job.done(job)
