"""Waiting work: bounded in tokens and in time, in fair turns between tenants."""

import queue
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from inference.engines.base import EngineOverloaded, SamplingParams
from inference.engines.local.loop import EngineLoop, QueueBounds
from inference.engines.local.scheduler import Backlog, FairQueue
from inference.engines.local.sequences import Failure, StepEvents, Submission, TokenEvent
from tests.engines.small_models import GREEDY, Desk

PROMPT = [5, 9, 33, 7]
PATIENCE = 20.0


class Running:
    """A loop in its thread, never more than a few steps ahead of what the test has read."""

    def __init__(self, slots: int, bounds: QueueBounds) -> None:
        self.told: queue.Queue[StepEvents] = queue.Queue(maxsize=1)
        self.ended = 0
        self._over = False
        self.steps = Desk(slots=slots).steps
        self.loop = EngineLoop(self.steps, bounds, self._deliver, self._end)
        self.loop.start()

    def stop(self) -> None:
        self._over = True
        self.loop.stop()

    def _deliver(self, events: StepEvents) -> None:
        while not self._over:
            try:
                self.told.put(events, timeout=0.05)
            except queue.Full:
                continue
            return

    def _end(self) -> None:
        self.ended += 1

    def next(self) -> list[TokenEvent | Failure]:
        events = self.told.get(timeout=PATIENCE)
        return [*events.tokens, *events.failures]

    def submit(self, max_tokens: int = 4, way: SamplingParams = GREEDY) -> Submission:
        submission = Submission(PROMPT, way, max_tokens)
        self.loop.submit(submission)
        return submission


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running(slots=1, bounds=QueueBounds(tokens=250, seconds=PATIENCE))
    yield made
    made.stop()
    assert made.ended == 1


def test_a_full_queue_refuses_and_says_how_long_to_wait(running: Running) -> None:
    running.submit(120)
    running.next()
    running.submit(120)
    running.submit(120)
    with pytest.raises(EngineOverloaded) as refused:
        running.submit(120)
    assert 1 <= refused.value.retry_after <= 60


def test_an_empty_queue_takes_even_the_largest_request() -> None:
    backlog = Backlog(100)
    backlog.add(1000)
    with pytest.raises(EngineOverloaded):
        backlog.add(1)


def test_the_wait_is_guessed_from_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    backlog = Backlog(1000)
    backlog.worked(10)
    now[0] += 2
    backlog.worked(90)  # 50 tokens a second
    backlog.add(1000)
    with pytest.raises(EngineOverloaded) as refused:
        backlog.add(1)
    assert refused.value.retry_after == pytest.approx(20)


def test_what_leaves_the_queue_makes_room(running: Running) -> None:
    for _ in range(5):
        running.submit(100)
        while not (told := running.next()) or told[-1].finish_reason is None:  # type: ignore[union-attr]  # tokens only
            pass
    assert running.loop.waiting_tokens == 0


def test_who_waits_too_long_is_told(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engines.local.loop.LOOK_SECONDS", 0.0)
    running.submit(120)
    running.next()
    running.loop._bounds = QueueBounds(250, seconds=0.0)
    late = running.submit()
    while not (failures := [told for told in running.next() if isinstance(told, Failure)]):
        pass
    assert failures[0].submission is late
    assert isinstance(failures[0].error, EngineOverloaded)
    assert running.loop.waiting_tokens == 0


def test_cancelling_ends_a_request_at_the_next_step(running: Running) -> None:
    first, waiting = running.submit(120), running.submit(60)
    running.next()
    running.loop.cancel(first)
    running.loop.cancel(waiting)
    last = running.submit(2)
    after = 0
    while (told := running.next()) and told[0].sequence.submission is first:  # type: ignore[union-attr]  # tokens only
        after += 1
    assert told[0].sequence.submission is last  # type: ignore[union-attr]  # tokens only
    assert after <= 3  # those made before the cancellation was read


def test_a_cancelled_request_leaves_before_the_next_step_is_computed() -> None:
    desk = Desk()
    gone, other = desk.submit(PROMPT), desk.submit(PROMPT)
    desk.step()
    gone.cancelled = True
    desk.steps.drop_cancelled()
    desk.run()
    assert len(desk.told(gone)) == 1
    assert desk.tokens(other) == Desk().complete(PROMPT)


def test_one_choice_can_be_cancelled_alone() -> None:
    desk = Desk()
    submission = desk.submit(PROMPT, SamplingParams(temperature=0, n=3), 12)
    desk.step()
    desk.told(submission, 1)[0].sequence.cancelled = True
    desk.steps.drop_cancelled()
    desk.run()
    assert [len(desk.told(submission, index)) for index in range(3)] == [12, 1, 12]


def order(waiting: FairQueue) -> list[str]:
    names = []
    while submission := waiting.take(free_slots=1):
        names.append(submission.tenant)
    return names


def put(waiting: FairQueue, tenant: str, tokens: int, priority: int = 0) -> Submission:
    submission = Submission([0] * tokens, GREEDY, 1, tenant, priority)
    waiting.put(submission)
    return submission


def test_a_tenant_with_many_requests_does_not_hold_up_one_with_few() -> None:
    waiting = FairQueue()
    for _ in range(100):
        put(waiting, "greedy", 400)
    for _ in range(3):
        put(waiting, "modest", 400)
    names = order(waiting)
    assert len(names) == 103
    assert max(at for at, name in enumerate(names) if name == "modest") < 10


def test_turns_are_fair_in_tokens_not_in_requests() -> None:
    waiting = FairQueue()
    for _ in range(40):
        put(waiting, "long", 2000)
        put(waiting, "short", 200)
    taken = Counter[str]()
    while taken["short"] < 40:
        submission = waiting.take(free_slots=1)
        assert submission is not None
        taken[submission.tenant] += 1
    assert 2 <= taken["long"] <= 6


def test_priority_goes_first_within_a_tenant() -> None:
    waiting = FairQueue()
    low, high = put(waiting, "ada", 10), put(waiting, "ada", 10, priority=5)
    assert [waiting.take(1), waiting.take(1)] == [high, low]
