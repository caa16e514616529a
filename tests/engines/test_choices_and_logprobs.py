"""Several choices share one computed prompt; log-probabilities are the model's own."""

import pytest
import torch

from inference.engines.base import SamplingParams
from tests.engines.small_models import GREEDY, Desk, reference

PROMPT = [5, 9, 33, 7]


def test_choices_share_the_prompt_and_each_runs_to_its_end() -> None:
    desk = Desk(slots=4)
    submission = desk.submit(PROMPT * 9, SamplingParams(temperature=0, n=4), 10)
    desk.step()
    assert desk.steps.running == 4
    desk.run()
    alone = Desk().complete(PROMPT * 9, max_tokens=10)
    assert [desk.tokens(submission, index) for index in range(4)] == [alone] * 4


def test_choices_find_room_between_rows_still_in_their_prompt() -> None:
    desk = Desk(slots=8, step_tokens=24)
    long = desk.submit(PROMPT * 20, max_tokens=10)
    many = desk.submit(PROMPT, SamplingParams(temperature=0, n=5), 10)
    other = desk.submit(PROMPT * 15, max_tokens=10)
    desk.run()
    assert desk.tokens(long) == Desk().complete(PROMPT * 20, max_tokens=10)
    assert desk.tokens(other) == Desk().complete(PROMPT * 15, max_tokens=10)
    alone = Desk().complete(PROMPT, max_tokens=10)
    assert [desk.tokens(many, index) for index in range(5)] == [alone] * 5


def test_choices_wait_until_all_have_a_slot() -> None:
    desk = Desk(slots=4)
    first = desk.submit(PROMPT, max_tokens=6)
    desk.step()
    many = desk.submit(PROMPT, SamplingParams(temperature=0, n=4), 3)
    desk.step()
    assert not desk.told(many)
    desk.run()
    assert len(desk.told(first)) == 6
    assert all(len(desk.told(many, index)) == 3 for index in range(4))


@pytest.mark.parametrize("way", [GREEDY, SamplingParams(seed=4, temperature=2.0, top_k=3)])
def test_logprobs_are_those_of_the_models_own_distribution(way: SamplingParams) -> None:
    reported = SamplingParams(
        temperature=way.temperature, top_k=way.top_k, seed=way.seed, logprobs=True, top_logprobs=4
    )
    desk = Desk()
    desk.submit(PROMPT, GREEDY)
    submission = desk.submit(PROMPT, reported, 8)
    silent = desk.submit(PROMPT, way, 8)
    desk.run()
    tokens = desk.tokens(submission)
    assert tokens == desk.tokens(silent)
    with torch.inference_mode():
        known = reference("llama")(torch.tensor([PROMPT + tokens])).logits[0].log_softmax(-1)
    for at, event in enumerate(desk.told(submission), start=len(PROMPT) - 1):
        assert event.logprobs is not None
        assert event.logprobs.chosen == pytest.approx(float(known[at, event.token]), abs=1e-4)
        best = known[at].topk(4)
        assert [token for token, _ in event.logprobs.top] == best.indices.tolist()
        values = [value for _, value in event.logprobs.top]
        assert values == pytest.approx(best.values.tolist(), abs=1e-4)
    assert all(event.logprobs is None for event in desk.told(silent))


def test_logprobs_without_alternatives_and_despite_a_penalty() -> None:
    way = SamplingParams(temperature=0, logprobs=True, logit_bias={77: 100.0})
    desk = Desk()
    submission = desk.submit(PROMPT, way, 1)
    desk.run()
    (event,) = desk.told(submission)
    with torch.inference_mode():
        known = reference("llama")(torch.tensor([PROMPT])).logits[0, -1].log_softmax(-1)
    assert event.logprobs is not None
    assert event.logprobs.top == []
    assert event.logprobs.chosen == pytest.approx(float(known[77]), abs=1e-4)
