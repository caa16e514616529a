"""Greedy answers are token for token those of transformers' own `generate`."""

import random
from collections.abc import Sequence as Rows

import pytest
import torch

from inference.engines.base import SamplingParams
from tests.engines.small_models import CONTEXT, VOCABULARY, Desk, reference, shapes

TIE = 1e-4  # nearer than this, rounding may decide


def expected(shape: str, prompt: Rows[int], count: int) -> list[int]:
    """What `generate` says, up to the first step whose best two logits nearly tie."""
    answer = reference(shape).generate(  # type: ignore[operator]  # a method that mypy takes for a tensor
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.cat(answer.logits).topk(2).values
    clear = (best[:, 0] - best[:, 1] >= TIE).tolist()
    sure = clear.index(False) if False in clear else count
    tokens: list[int] = answer.sequences[0, len(prompt) :].tolist()
    return tokens[:sure]


def prompt_of(length: int, chance: random.Random) -> list[int]:
    return [chance.randrange(VOCABULARY) for _ in range(length)]


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("length", [1, 17, 100])
def test_alone(shape: str, length: int) -> None:
    prompt = prompt_of(length, random.Random(length))
    sure = expected(shape, prompt, 20)
    assert len(sure) > 10
    assert Desk(shape).complete(prompt, max_tokens=20)[: len(sure)] == sure


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("step_tokens", [24, 512])
def test_in_a_batch_of_sixteen_lengths_and_samplings(shape: str, step_tokens: int) -> None:
    chance = random.Random(3)
    desk = Desk(shape, slots=12, step_tokens=step_tokens)
    others = [
        SamplingParams(seed=5),
        SamplingParams(temperature=0.7, top_p=0.8, seed=1),
        SamplingParams(temperature=0, presence_penalty=1.5),
        SamplingParams(top_k=5, n=2, logprobs=True, top_logprobs=3),
    ]
    asked = []
    for number in range(16):
        prompt, count = prompt_of(chance.randint(1, 70), chance), chance.randint(2, 40)
        if number % 2:
            desk.submit(prompt, others[number // 2 % 4], count)
        else:
            asked.append((desk.submit(prompt, max_tokens=count), prompt, count))
        desk.step()
    desk.run()
    for submission, prompt, count in asked:
        sure = expected(shape, prompt, count)
        assert len(desk.tokens(submission)) == count
        assert desk.tokens(submission)[: len(sure)] == sure


@pytest.mark.parametrize("shape", shapes())
def test_log_probabilities_are_the_models_own(shape: str) -> None:
    """Which greedy answers do not tell: a cap on logits, say, leaves their order alone."""
    prompt = prompt_of(30, random.Random(1))
    desk = Desk(shape)
    asked = desk.submit(prompt, SamplingParams(temperature=0, logprobs=True, top_logprobs=5), 1)
    desk.run()
    (event,) = desk.told(asked)
    with torch.inference_mode():
        logits = reference(shape)(torch.tensor([prompt])).logits[0, -1]
    wanted = logits.log_softmax(-1).topk(5)
    assert event.logprobs
    assert [token for token, _ in event.logprobs.top] == wanted.indices.tolist()
    assert [value for _, value in event.logprobs.top] == pytest.approx(
        wanted.values.tolist(), abs=1e-3
    )


def test_to_the_last_token_of_the_context() -> None:
    prompt = prompt_of(CONTEXT - 3, random.Random(9))
    assert Desk().complete(prompt, max_tokens=3) == expected("llama", prompt, 3)


def test_rows_of_very_different_lengths_are_grouped_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engines.local.slot_plans.PADDING_PER_GROUP", 64)
    chance = random.Random(4)
    desk = Desk(step_tokens=512)
    prompts = [prompt_of(length, chance) for length in (2, 90, 3, 80, 40, 1)]
    submissions = [desk.submit(prompt, max_tokens=15) for prompt in prompts]
    desk.run()
    for submission, prompt in zip(submissions, prompts, strict=True):
        sure = expected("llama", prompt, 15)
        assert desk.tokens(submission)[: len(sure)] == sure
