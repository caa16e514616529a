"""`best_of`: more candidates than choices; the likeliest are answered, all of them are charged."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference.engines import registry
from inference.engines.base import Delta, FinishReason, GenerationRequest, Prepared, TokenLogprob
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import balance, cost, only_hold

PATH = "/v1/completions"


@dataclass
class Diverse:
    """An engine whose candidates differ: one list of log-probabilities for each of them."""

    candidates: list[list[float]]
    asked: list[GenerationRequest] = field(default_factory=list)

    async def prepare(self, request: GenerationRequest) -> Prepared:
        self.asked.append(request)
        return Prepared(request, 3, 1000)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        request = prepared.request
        await asyncio.sleep(0)
        if request.echo:
            first = TokenLogprob("p", None, b"p")
            prompt = (first, *(TokenLogprob("p", -9.0, b"p") for _ in range(2)))
            yield [Delta(index, "ppp", 0, None, prompt) for index in range(request.sampling.n)]
        for index, values in enumerate(self.candidates[: request.sampling.n]):
            name = f"{request.prompt}{index}"
            for number, value in enumerate(values[:max_tokens], start=1):
                said = (TokenLogprob(name, value, name.encode()),)
                last: FinishReason | None = "stop" if number == len(values) else None
                yield [Delta(index, name, number, last, said if request.sampling.logprobs else ())]

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def diverse(monkeypatch: pytest.MonkeyPatch) -> Diverse:
    # By token the second is the likeliest, then the fourth; by their sums the first would be.
    engine = Diverse([[-1.0], [-0.5, -0.5, -0.5], [-2.0], [-0.6, -0.6, -0.6]])
    monkeypatch.setattr(registry, "engine_for", lambda _: engine)
    return engine


async def complete(tenant: Tenant, prompt: object = "a", **fields: Any) -> Call:
    return await tenant.call(path=PATH, prompt=prompt, **fields).finished()


def texts(call: Call) -> list[tuple[int, str]]:
    return [(choice["index"], choice["text"]) for choice in call.json["choices"]]


async def test_the_likeliest_by_token_are_answered_the_best_one_first(
    ada: Tenant, diverse: Diverse
) -> None:
    call = await complete(ada, best_of=4, n=2)
    assert texts(call) == [(0, "a1" * 3), (1, "a3" * 3)]


async def test_each_prompt_has_candidates_of_its_own(ada: Tenant, diverse: Diverse) -> None:
    call = await complete(ada, ["a", "b"], best_of=3)
    assert texts(call) == [(0, "a1" * 3), (1, "b1" * 3)]


async def test_an_echoed_prompt_does_not_count_for_its_candidates(
    ada: Tenant, diverse: Diverse
) -> None:
    diverse.candidates = [[-0.5], [-0.6] * 12]  # with the prompt's tokens the second would win
    call = await complete(ada, best_of=2, echo=True, logprobs=0)
    assert texts(call) == [(0, "pppa0")]
    told = call.json["choices"][0]["logprobs"]
    assert told["token_logprobs"] == [None, -9.0, -9.0, -0.5]
    assert told["text_offset"] == [0, 1, 2, 3]


async def test_what_the_client_did_not_ask_for_is_not_shown(ada: Tenant, diverse: Diverse) -> None:
    call = await complete(ada, best_of=2)
    assert diverse.asked[0].sampling.logprobs
    assert call.json["choices"][0]["logprobs"] is None


async def test_every_candidate_is_charged_and_the_hold_covers_them(
    ada: Tenant, diverse: Diverse
) -> None:
    call = await complete(ada, ["a", "b"], best_of=4)
    usage = call.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (6, 16)
    hold = await only_hold()
    assert (hold.choices, hold.max_output, hold.charged) == (8, 16, cost(6, 16))
    assert call.answer_headers["x-request-cost"] == usage["cost"]
    assert await balance(ada) == (10**9 - cost(6, 16), 0)


async def test_as_many_as_choices_need_no_ranking_and_may_be_streamed(
    ada: Tenant, diverse: Diverse
) -> None:
    for many in (2, 0):
        answered = texts(await complete(ada, best_of=many, n=2))
        assert answered == [(0, "a0"), (1, "a1" * 3)]
    call = await complete(ada, best_of=2, n=2, stream=True)
    assert call.status == 200
    assert not diverse.asked[0].sampling.logprobs


async def test_a_retry_gets_the_same_best_one(ada: Tenant, diverse: Diverse) -> None:
    calls = [
        await ada.call(path=PATH, best_of=4, headers={"idempotency-key": "once"}).finished()
        for _ in range(2)
    ]
    assert calls[0].json == calls[1].json
    assert len(diverse.asked) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"best_of": 21}, "best_of"),
        ({"best_of": 20, "prompt": ["a"] * 7}, "best_of"),
        ({"n": 20, "prompt": ["a"] * 7}, "n"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_name(
    ada: Tenant, fields: dict[str, Any], param: str
) -> None:
    call = await ada.call(path=PATH, **fields).finished()
    assert (call.status, call.error["param"]) == (400, param)
