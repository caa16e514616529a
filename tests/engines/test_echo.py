"""A prompt is told before its answer: its exact text, and the model's own log-probabilities."""

import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from inference.engines.base import (
    Delta,
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
)
from inference.engines.local.client import LocalEngine
from inference.engines.local.prompts import load_tokenizer
from inference.engines.local.sequences import Echo, Submission
from tests.engines.small_models import VOCABULARY, Desk, reference

TEXT = "hello to the 👋 wörld, hello"
SCORED = SamplingParams(temperature=0, logprobs=True, top_logprobs=4, ignore_eos=True)


def request(
    prompt: str | tuple[int, ...], sampling: SamplingParams = SCORED, *, echo: bool = True
) -> GenerationRequest:
    return GenerationRequest("r", "tiny", sampling, prompt=prompt, echo=echo)


async def deltas(client: LocalEngine, asked: GenerationRequest, tokens: int) -> list[Delta]:
    prepared = await client.prepare(asked)
    return [delta async for batch in client.generate(prepared, tokens) for delta in batch]


def known(model: torch.nn.Module, prompt: Sequence[int]) -> torch.Tensor:
    """Log-probabilities `[tokens - 1, vocabulary]` by transformers alone."""
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.tensor([list(prompt)])).logits
    return torch.log_softmax(logits[0, :-1].float(), -1)


@pytest.mark.parametrize("length", [1, 2, 17, 100])
def test_prompt_log_probabilities_are_those_of_the_reference(length: int) -> None:
    """Long prompts come in chunks, beside others, and a token may be told by the chunk before."""
    chance = random.Random(length)
    desk = Desk(step_tokens=32)
    prompt = [chance.randrange(VOCABULARY) for _ in range(length)]
    asked = Submission(list(prompt), SCORED, 4, echo=Echo(None))
    told = []
    desk.waiting.put(asked)
    for _ in range(3):
        desk.submit([chance.randrange(VOCABULARY) for _ in range(40)], SCORED, 5)
    while desk.waiting or desk.steps.running:
        told += desk.step().prompts
    ((submission, found, ended),) = told
    assert (submission, ended, len(found), found[0]) == (asked, False, length, (None, []))
    expected = known(reference("llama"), prompt)
    for place, (own, top) in enumerate(found[1:]):
        assert own == pytest.approx(float(expected[place, prompt[place + 1]]), abs=1e-3)
        values, ids = expected[place].topk(4)
        assert [token for token, _ in top] == ids.tolist()
        assert [value for _, value in top] == pytest.approx(values.tolist(), abs=1e-3)


def test_a_step_never_holds_the_logits_of_a_long_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(step_tokens=120)
    monkeypatch.setattr("inference.engines.local.batch.MOST_SCORED", 10)
    forward, rows = desk.runner.forward, []

    def watched(*args: object) -> torch.Tensor:
        logits: torch.Tensor = forward(*args)  # type: ignore[arg-type]  # passed on as they came
        rows.append(len(logits))
        return logits

    monkeypatch.setattr(desk.runner, "forward", watched)
    for _ in range(3):
        desk.waiting.put(Submission([7] * 60, SCORED, 2, echo=Echo(None)))
    desk.run()
    assert max(rows) <= 10 + 3
    assert len(rows) >= 18


async def test_the_echo_comes_first_in_every_choice(client: LocalEngine) -> None:
    sampling = SamplingParams(seed=1, n=3, logprobs=True, ignore_eos=True)
    told = await deltas(client, request(TEXT, sampling), 5)
    plain = await deltas(client, request(TEXT, sampling, echo=False), 5)
    for index in range(3):
        first, *rest = [delta for delta in told if delta.index == index]
        assert (first.text, first.completion_tokens, first.finish_reason) == (TEXT, 0, None)
        assert first.logprobs[0].logprob is None
        assert all(token.logprob is not None for token in first.logprobs[1:])
        assert b"".join(token.raw for token in first.logprobs) == TEXT.encode()
        answer = [delta for delta in plain if delta.index == index]
        assert "".join(d.text for d in rest) == "".join(d.text for d in answer)
        assert rest[-1].completion_tokens == 5


async def test_without_log_probabilities_the_echo_is_text_alone(client: LocalEngine) -> None:
    first, *_ = await deltas(client, request(TEXT, SamplingParams(ignore_eos=True)), 3)
    assert (first.text, first.logprobs) == (TEXT, ())


@pytest.mark.parametrize("sampling", [SCORED, SamplingParams(n=4)])
async def test_no_output_at_all(client: LocalEngine, sampling: SamplingParams) -> None:
    told = await deltas(client, request(TEXT, sampling), 0)
    assert [delta.index for delta in told] == list(range(sampling.n))
    for delta in told:
        assert (delta.text, delta.completion_tokens, delta.finish_reason) == (TEXT, 0, "length")
        assert bool(delta.logprobs) == sampling.logprobs
    health = await client.health()
    assert health.running == 0


async def test_token_ids_read_as_they_are(client: LocalEngine, model_folder: Path) -> None:
    """Special tokens too; the log-probabilities are one a token, whatever it reads like."""
    tokenizer = load_tokenizer(model_folder)
    prompt = (0, *tokenizer.encode(TEXT), 1)
    (told,) = await deltas(client, request(prompt), 0)
    assert told.text == f"<|im_start|>{TEXT}<|im_end|>"
    assert len(told.logprobs) == len(prompt)
    model = AutoModelForCausalLM.from_pretrained(model_folder)
    expected = known(model, prompt)
    for place, token in enumerate(told.logprobs[1:]):
        assert token.logprob is not None
        assert math.isclose(token.logprob, float(expected[place, prompt[place + 1]]), abs_tol=1e-3)


async def test_a_character_may_begin_in_the_prompt_and_end_in_the_answer(
    client: LocalEngine, model_folder: Path
) -> None:
    words = load_tokenizer(model_folder).encode("👋")
    assert len(words) == 4
    last = SamplingParams(temperature=0, logit_bias={words[3]: 100.0})
    told = await deltas(client, request((5, *words[:3]), last), 1)
    assert told[0].text == load_tokenizer(model_folder).decode([5])
    assert "".join(delta.text for delta in told[1:]) == "👋"


async def test_what_cannot_be_echoed_is_refused(client: LocalEngine) -> None:
    chat = GenerationRequest("r", "tiny", SCORED, messages=(Message("user", "hi"),), echo=True)
    with pytest.raises(InvalidGeneration) as refused:
        await client.prepare(chat)
    assert refused.value.param == "echo"
    prepared = await client.prepare(request("hello", echo=False))
    with pytest.raises(InvalidGeneration, match="max_tokens"):
        async for _ in client.generate(prepared, 0):
            pass
