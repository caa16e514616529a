"""Where blocks run out, the newest gives way, and says later what it would have said at once."""

import random
import time

import pytest
import torch

from inference.engines.base import SamplingParams
from inference.engines.local.paged import BLOCK
from inference.engines.local.sequences import Echo, StepEvents, Submission
from tests.engines.recording import Recorder
from tests.engines.small_models import CONTEXT, GREEDY, VOCABULARY, Desk

WHOLE = CONTEXT // BLOCK
SAMPLINGS = [
    GREEDY,
    SamplingParams(seed=1),
    SamplingParams(seed=2, top_p=0.8, top_k=30),
    SamplingParams(temperature=0, logprobs=True, top_logprobs=2),
    SamplingParams(seed=3, presence_penalty=1, logit_bias={4: 1.0}),
    SamplingParams(temperature=0, repetition_penalty=1.4),
    SamplingParams(seed=4, n=3),
]


def gave_way(desk: Desk) -> int:
    return desk.steps.given_way


def all_free(desk: Desk) -> bool:
    blocks = desk.runner.cache.blocks  # type: ignore[union-attr]  # a cache in blocks
    return bool(blocks.available == blocks.count)


@pytest.mark.parametrize("recorded", [False, True])
def test_every_way_of_sampling_says_the_same(recorded: bool) -> None:
    chance = random.Random(5)
    record = Recorder() if recorded else None
    desk = Desk(slots=12, step_tokens=24, blocks=2 * WHOLE, record=record)
    plain = Desk(slots=12, step_tokens=24)
    asked = []
    for number in range(21):
        prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 60))]
        count = chance.randint(20, CONTEXT - len(prompt))
        sampling = SAMPLINGS[number % len(SAMPLINGS)]
        asked.append((desk.submit(prompt, sampling, count), plain.submit(prompt, sampling, count)))
        for _ in range(chance.randint(0, 4)):
            desk.step()
            plain.step()
    desk.run()
    plain.run()
    assert gave_way(desk) > 5
    for mine, other in asked:
        for index in range(mine.sampling.n):
            assert desk.tokens(mine, index) == plain.tokens(other, index)
            assert len(desk.tokens(mine, index)) == mine.max_tokens
    assert not desk.errors
    assert all_free(desk)


def test_the_oldest_never_gives_way_and_one_context_is_enough() -> None:
    desk = Desk(slots=6, blocks=WHOLE)
    oldest = desk.submit([1, 2, 3], GREEDY, CONTEXT - 3)
    choices = desk.submit([4, 5, 6], SamplingParams(seed=1, n=3), CONTEXT - 3)
    told = []
    while desk.steps.running or desk.waiting:
        told.append([event.sequence.submission for event in desk.step().tokens])
    ends = max(number for number, each in enumerate(told) if oldest in each)
    assert all(oldest in each for each in told[: ends + 1])
    assert gave_way(desk)
    assert {len(desk.tokens(choices, index)) for index in range(3)} == {CONTEXT - 3}


def test_choices_of_a_prompt_that_fills_the_cache_come_to_their_end() -> None:
    desk, plain = Desk(slots=6, blocks=WHOLE), Desk(slots=6)
    prompt = [n * 7 % 150 for n in range(CONTEXT - 20)]
    sampling = SamplingParams(seed=1, n=4)
    mine, other = desk.submit(prompt, sampling, 20), plain.submit(prompt, sampling, 20)
    desk.run()
    plain.run()
    for index in range(4):
        assert desk.tokens(mine, index) == plain.tokens(other, index)
    assert gave_way(desk)


def test_a_prompt_waits_until_there_is_room_for_it_and_nobody_overtakes() -> None:
    desk = Desk(slots=6, blocks=WHOLE, step_tokens=512)
    first = desk.submit([1] * (CONTEXT - 20), GREEDY, 20)
    desk.step()
    long, short = desk.submit([2] * 60, GREEDY, 2), desk.submit([3], GREEDY, 2)
    desk.step()
    assert desk.steps.running == 1
    desk.run()
    assert [len(desk.tokens(each)) for each in (first, long, short)] == [20, 2, 2]
    assert not gave_way(desk)


def pressed(desk: Desk) -> tuple[Submission, Submission]:
    """Two of whom the second one has given way."""
    old, new = desk.submit([1] * 50, GREEDY, 70), desk.submit([2] * 40, GREEDY, 70)
    while not gave_way(desk):
        desk.step()
    assert [row.submission for row in desk.steps._room.rows if row.slot < 0] == [new]
    return old, new


def test_who_is_outside_can_be_cancelled() -> None:
    desk = Desk(slots=4, blocks=WHOLE)
    old, new = pressed(desk)
    new.cancelled = True
    desk.steps.drop_cancelled()
    said = len(desk.tokens(new))
    desk.run()
    assert len(desk.tokens(new)) == said
    assert len(desk.tokens(old)) == 70
    assert all_free(desk)


def test_who_is_outside_has_a_deadline_too() -> None:
    desk = Desk(slots=4, blocks=WHOLE)
    old, new = pressed(desk)
    new.deadline = time.monotonic() - 1
    desk.run()
    assert set(desk.errors) == {new}
    assert len(desk.tokens(old)) == 70


def test_who_is_outside_comes_before_who_has_not_begun() -> None:
    desk = Desk(slots=4, blocks=WHOLE)
    _, new = pressed(desk)
    late = desk.submit([3], GREEDY, 1)
    while desk.steps._room.is_wanted:
        assert not desk.tokens(late)
        desk.step()
    desk.run()
    assert [len(desk.tokens(each)) for each in (new, late)] == [70, 1]


def test_what_was_known_of_a_prompt_is_told_once() -> None:
    """Coming back may find its own beginning: that is no discount."""
    desk = Desk(slots=4, blocks=WHOLE + 3)
    _, new = pressed(desk)
    desk.run()
    assert new.cached == 0


def test_an_echoed_prompt_is_told_once() -> None:
    sampling = SamplingParams(temperature=0, logprobs=True)
    told: list[StepEvents] = []
    desk = Desk(slots=4, blocks=WHOLE)
    desk.submit([1] * 50, GREEDY, 70)
    echoed = Submission([2] * 40, sampling, 70, echo=Echo(None))
    desk.waiting.put(echoed)
    while desk.steps.running or desk.waiting:
        told.append(desk.step())
    assert gave_way(desk)
    (prompt,) = [event for each in told for event in each.prompts]
    assert len(prompt.logprobs) == 40
    assert len(desk.tokens(echoed)) == 70


def test_kept_beginnings_leave_before_anybody_gives_way() -> None:
    desk = Desk(slots=4, blocks=WHOLE + 2)
    for number in range(5):
        desk.complete([number] * 40, max_tokens=1)
    assert desk.runner.cache.blocks.idle == 9  # type: ignore[union-attr]  # a cache in blocks
    desk.complete([9, 9], max_tokens=CONTEXT - 2)
    assert not gave_way(desk)
    assert all_free(desk)


def test_a_row_that_breaks_takes_no_block_along() -> None:
    desk = Desk(slots=4, blocks=2 * WHOLE)
    broken, whole = desk.submit([1, 2, 3], GREEDY, 40), desk.submit([4, 5, 6], GREEDY, 40)
    for _ in range(5):
        desk.step()
    row = next(row for row in desk.steps._batch.rows if row.submission is broken)
    desk.runner.cache.put(row.slot, 0, desk.runner.cache.get(row.slot, 0, 2) * torch.nan)
    desk.run()
    assert set(desk.errors) == {broken}
    assert desk.tokens(whole) == Desk().complete([4, 5, 6], max_tokens=40)
    assert all_free(desk)
    store = desk.runner.cache._store
    assert not store.isnan().any()
