"""A request that fails harms no other, whatever it fails at."""

import time

import pytest
import torch

from inference.engines.base import EngineUnavailable, GenerationFailed, SamplingParams
from inference.engines.local.sequences import Submission
from tests.engines.small_models import CONTEXT, GREEDY, Desk

PROMPT = [5, 9, 33, 7]
POISON = 2  # a token whose embedding is broken; no answer here has it


def poisoned(desk: Desk, value: float) -> Desk:
    embeddings = desk.runner.model.get_input_embeddings()
    assert isinstance(embeddings, torch.nn.Embedding)
    embeddings.weight.data[POISON] = value
    return desk


def assert_only_fails(desk: Desk, culprit: Submission, others: list[Submission]) -> None:
    assert set(desk.errors) == {culprit}
    assert isinstance(desk.errors[culprit], GenerationFailed)
    expected = Desk().complete(PROMPT)
    assert [desk.tokens(other) for other in others] == [expected] * len(others)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("way", [GREEDY, SamplingParams(n=2), SamplingParams(top_p=0.5)])
def test_numbers_that_are_none_fail_their_own_request_alone(
    value: float, way: SamplingParams
) -> None:
    desk = poisoned(Desk(slots=4), value)
    before = desk.submit(PROMPT)
    desk.step()
    culprit = desk.submit([8, POISON, 8] * 9, way)
    after = [desk.submit(PROMPT), desk.submit(PROMPT)]
    desk.run()
    assert_only_fails(desk, culprit, [before, *after])
    assert not desk.told(culprit)


def test_a_slot_that_held_broken_numbers_is_clean_for_the_next() -> None:
    """Attention multiplies what it masks by zero, and zero times NaN is NaN."""
    desk = poisoned(Desk(slots=2), float("nan"))
    desk.submit([POISON] * (CONTEXT - 20))
    desk.run()
    first, second = desk.submit(PROMPT), desk.submit([*PROMPT, 9] * 4)
    desk.run()
    assert len(desk.errors) == 1
    assert desk.tokens(first) == Desk().complete(PROMPT)
    assert desk.tokens(second) == Desk().complete([*PROMPT, 9] * 4)


def test_broken_numbers_that_nobody_has_noticed_yet_do_not_stay_either() -> None:
    desk = poisoned(Desk(slots=2, step_tokens=20), float("nan"))
    culprit = desk.submit([POISON] * 100)
    desk.step()
    culprit.cancelled = True
    desk.steps.drop_cancelled()
    short, long = desk.submit(PROMPT), desk.submit([*PROMPT, 9] * 4)
    desk.run()
    assert not desk.errors
    assert desk.tokens(short) == Desk().complete(PROMPT)
    assert desk.tokens(long) == Desk().complete([*PROMPT, 9] * 4)


def test_a_step_that_raises_is_tried_again_row_by_row() -> None:
    desk = Desk()
    others = [desk.submit(PROMPT) for _ in range(3)]
    desk.step()
    culprit = desk.submit([10**9, 2, 3])  # beyond the embedding: the packed forward raises
    late = desk.submit(PROMPT)
    desk.run()
    assert_only_fails(desk, culprit, [*others, late])


def test_a_row_that_raises_while_decoding_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    others = [desk.submit(PROMPT), desk.submit(PROMPT)]
    culprit = desk.submit([1, 2], SamplingParams(temperature=0, presence_penalty=1.0))
    desk.step()

    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("inference.engines.local.penalties.adjust", broken)
    desk.run()
    assert_only_fails(desk, culprit, others)


def test_a_deadline_ends_a_running_request() -> None:
    desk = Desk()
    late, other = desk.submit(PROMPT, max_tokens=50), desk.submit(PROMPT)
    desk.step()
    late.deadline = time.monotonic() - 1
    desk.run()
    assert 0 < len(desk.told(late)) < 50
    assert_only_fails(desk, late, [other])


def test_refused_submissions_are_told_with_the_next_step() -> None:
    desk = Desk()
    submission = Submission(PROMPT, GREEDY, 4)
    desk.steps.refuse([submission], EngineUnavailable("closed"))
    desk.step()
    assert str(desk.errors[submission]) == "closed"
