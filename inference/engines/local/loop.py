"""The step loop: a thread that runs one packed step after another and reports each at once.

Between two steps it does one piece of other work, which takes about as long as a step does, so that
neither waits for more than one of the other's.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from inference.engines.base import EngineError, EngineOverloaded
from inference.engines.local.scheduler import Backlog, FairQueue
from inference.engines.local.sequences import Sequence, StepEvents, Submission

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25  # how often the queue is searched for those who waited too long
REMEMBERED = 0.8  # of the ordinary step's length, at each step

Deliver = Callable[[StepEvents], None]


@dataclass(frozen=True, slots=True)
class QueueBounds:
    """How much may wait, in tokens, and how long, in seconds."""

    tokens: int
    seconds: float = 50.0


class Stepping(Protocol):
    """What steps are, to the loop (`steps.Steps`)."""

    @property
    def running(self) -> int: ...
    @property
    def kept_tokens(self) -> int: ...

    prompt_tokens: int

    def admit(self, waiting: FairQueue) -> list[Submission]: ...
    def drop_cancelled(self) -> None: ...
    def refuse(self, submissions: Iterable[Submission], error: EngineError) -> None: ...
    def step(self) -> tuple[StepEvents, int]: ...


class OtherWork(Protocol):
    """True while there is any; `work` does one bounded piece, in about so many seconds if given."""

    def __bool__(self) -> bool: ...
    def work(self, seconds: float | None) -> None: ...


class EngineLoop:
    """`submit` and `cancel` may be called from any thread; `deliver` is called from the loop's.

    `deliver` gets everything one step has to tell, at once, and must return quickly. `ended` is
    called when the thread ends, asked or not.
    """

    def __init__(
        self,
        steps: Stepping,
        bounds: QueueBounds,
        deliver: Deliver,
        ended: Callable[[], None],
        beside: OtherWork | None = None,
    ) -> None:
        self._steps = steps
        self._beside = beside
        self._deliver = deliver
        self._ended = ended
        self._bounds = bounds
        self._waiting = FairQueue()
        self._backlog = Backlog(self._bounds.tokens)
        self._lock = threading.Lock()
        self._inbox: SimpleQueue[Submission | None] = SimpleQueue()
        self._next_look = 0.0
        self._cancelled = False
        self._stopping = False
        self._step_started: float | None = None
        self._ordinary_seconds = 0.0
        self.steps = self.generated_tokens = 0
        self.worked_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="engine-loop")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the current step. The thread must be joined before the interpreter ends:
        torch aborts it when one of its threads is still computing."""
        self._stopping = True
        self._inbox.put(None)
        self._thread.join()

    @property
    def step_seconds(self) -> float:
        """How long the current step has been running; 0 between steps."""
        started = self._step_started
        return 0.0 if started is None else time.monotonic() - started

    @property
    def running(self) -> int:
        return self._steps.running

    @property
    def kept_tokens(self) -> int:
        return self._steps.kept_tokens

    @property
    def prompt_tokens(self) -> int:
        return self._steps.prompt_tokens

    @property
    def waiting(self) -> int:
        return self._backlog.requests

    @property
    def waiting_tokens(self) -> int:
        return self._backlog.tokens

    def submit(self, submission: Submission) -> None:
        """Raises EngineOverloaded when the queue is full."""
        latest = time.monotonic() + self._bounds.seconds
        submission.start_by = min(latest, submission.deadline or latest)
        with self._lock:
            self._backlog.add(submission.cost)
        self._inbox.put(submission)

    def cancel(self, gone: Submission | Sequence) -> None:
        """A submission, or one choice of it, leaves at the next step."""
        gone.cancelled = True
        self._cancelled = True
        self._inbox.put(None)

    def wake(self) -> None:
        """There is other work."""
        self._inbox.put(None)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._listen()
                self._step()
                self._work_beside()
        finally:
            self._ended()

    def _listen(self) -> None:
        """Take in what was submitted; sleep when there is nothing to do."""
        try:
            idle = not (self._steps.running or self._waiting or self._beside)
            arrived = self._inbox.get(block=idle)
            while True:
                if arrived is not None:
                    self._waiting.put(arrived)
                arrived = self._inbox.get_nowait()
        except Empty:
            return

    def _step(self) -> None:
        self._step_started = time.monotonic()
        if self._cancelled:
            self._cancelled = False
            self._leave_queue([waiting for waiting in self._waiting if waiting.cancelled])
            self._steps.drop_cancelled()
        self._refuse_late()
        self._unqueue(self._steps.admit(self._waiting))
        events, tokens = self._steps.step()
        self.steps += 1
        with self._lock:
            self._backlog.worked(tokens)
        took = time.monotonic() - self._step_started
        self.worked_seconds += took
        self.generated_tokens += len(events.tokens)
        if tokens:
            self._ordinary_seconds += (1 - REMEMBERED) * (took - self._ordinary_seconds)
        self._step_started = None
        if events:
            self._deliver(events)

    def _work_beside(self) -> None:
        if self._beside:
            self._step_started = time.monotonic()
            self._beside.work(self._ordinary_seconds if self._steps.running else None)
            self._step_started = None

    def _refuse_late(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if late := [waiting for waiting in self._waiting if waiting.start_by < now]:
            self._leave_queue(late)
            error = EngineOverloaded("The request waited too long for its turn.", retry_after=5.0)
            self._steps.refuse(late, error)

    def _leave_queue(self, submissions: list[Submission]) -> None:
        if submissions:
            self._waiting.drop(set(submissions))
            self._unqueue(submissions)

    def _unqueue(self, submissions: Iterable[Submission]) -> None:
        with self._lock:
            for submission in submissions:
                self._backlog.drop(submission.cost)
