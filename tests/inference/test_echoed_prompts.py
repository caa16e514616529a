"""Legacy completions that give the prompt back, as programs that score texts ask for it."""

from typing import Any

import pytest

from inference.engines.base import TokenLogprob
from inference.gateway.completions import CompletionWire
from inference.schemas.completions import CompletionRequest
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import cost, only_hold
from tests.patience import soon

PATH = "/v1/completions"


async def complete(tenant: Tenant, prompt: object, **fields: Any) -> Call:
    return await tenant.call(path=PATH, prompt=prompt, **fields).finished()


def said(call: Call, stream: bool) -> list[str]:
    """The texts of all choices, in order."""
    texts: dict[int, str] = {}
    for event in call.events if stream else [call.json]:
        for choice in event["choices"]:
            texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return [text for _, text in sorted(texts.items())]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_prompt_comes_before_the_answer_in_every_choice(
    ada: Tenant, stream: bool
) -> None:
    call = await complete(ada, ["a b", "c"], echo=True, n=2, stream=stream)
    assert said(call, stream) == ["a ba b", "a ba b", "cc", "cc"]


async def test_an_echoed_prompt_is_charged_as_a_prompt_and_not_as_output(ada: Tenant) -> None:
    call = await complete(ada, "one two three", echo=True, max_tokens=2)
    usage = call.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (3, 2)
    assert (await only_hold()).charged == cost(3, 2)


@pytest.mark.parametrize("stream", [False, True])
async def test_no_output_at_all_is_allowed_and_costs_the_prompt(ada: Tenant, stream: bool) -> None:
    call = await complete(ada, "one two three", echo=True, max_tokens=0, stream=stream)
    assert said(call, stream) == ["one two three"]
    if not stream:
        assert call.json["choices"][0]["finish_reason"] == "length"
        assert call.json["usage"]["completion_tokens"] == 0
    hold = await only_hold()
    assert (hold.charged, hold.max_output) == (cost(3, 0), 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_prompt_has_log_probabilities_and_its_first_token_has_none(
    ada: Tenant, stream: bool
) -> None:
    call = await complete(ada, "ab cd", echo=True, logprobs=1, max_tokens=1, stream=stream)
    found: dict[str, list[object]] = {}
    for event in call.events if stream else [call.json]:
        for name, values in (event["choices"][0]["logprobs"] or {}).items():
            found.setdefault(name, []).extend(values)
    assert found == {
        "tokens": ["ab", " cd", "ab"],
        "token_logprobs": [None, -0.6931, -0.6931],
        "top_logprobs": [None, {" cd": -0.6931}, {"ab": -0.6931}],
        "text_offset": [0, 2, 5],
    }


async def test_who_leaves_with_the_echo_alone_pays_for_the_prompt(ada: Tenant) -> None:
    words = "#words=9 #pace=500 a b"
    call = ada.call(words, path=PATH, echo=True, logprobs=1, stream=True)
    await call.came(1)
    call.leave()
    await soon(call.finished())
    hold = await only_hold()
    assert (hold.state, hold.completion_tokens, hold.charged) == ("settled", 0, cost(4, 0))


async def test_offsets_begin_anew_where_an_answer_is_kept_and_sent(ada: Tenant) -> None:
    asked = {"logprobs": 0, "headers": {"idempotency-key": "once"}}
    for _ in range(2):
        call = await complete(ada, "ab cd", **asked)
        assert call.json["choices"][0]["logprobs"]["text_offset"] == [0, 2]


async def test_a_scoring_program_gets_one_entry_a_token_of_each_prompt(ada: Tenant) -> None:
    """What lm-evaluation-harness sends for `loglikelihood`, and how it reads the answer."""
    prompts, context = [[11, 12, 13, 14], [21, 22]], [2, 1]
    call = await complete(
        ada, prompts, max_tokens=1, temperature=0, logprobs=1, seed=1234, echo=True
    )
    choices = sorted(call.json["choices"], key=lambda choice: int(choice["index"]))
    assert len(choices) == len(prompts)
    for choice, prompt, length in zip(choices, prompts, context, strict=True):
        kept = choice["logprobs"]["token_logprobs"][length:-1]  # without the one that was generated
        tops = choice["logprobs"]["top_logprobs"][length:-1]
        assert len(kept) == len(prompt) - length
        assert sum(kept) < 0
        assert all(one == max(top.values()) for one, top in zip(kept, tops, strict=True))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 0, "echo": False}, "max_tokens"),
        ({"max_tokens": -1, "echo": True}, "max_tokens"),
        ({"echo": "yes"}, "echo"),
        ({"suffix": "end", "prompt": [1, 2]}, "suffix"),
        ({"suffix": 7}, "suffix"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_name(
    ada: Tenant, fields: dict[str, Any], param: str
) -> None:
    call = await ada.call(path=PATH, **fields).finished()
    assert (call.status, call.error["param"]) == (400, param)


def test_the_engine_is_told_of_echo_and_suffix() -> None:
    asked = CompletionRequest.model_validate({"prompt": ["a", "b"], "echo": True, "suffix": "end"})
    first, second = asked.generations("gen_1", "m", "org_1")
    assert (first.echo, first.suffix, first.id) == (True, "end", "gen_1")
    assert (second.echo, second.suffix, second.id) == (True, "end", "gen_1-1")


def test_offsets_count_characters_where_one_spans_tokens() -> None:
    wire = CompletionWire("1", "m", 1, asked_for(0))
    raw = "é🙂z".encode()
    pieces = [raw[:1], raw[1:2], raw[2:5], raw[5:6], raw[6:]]
    tokens = [TokenLogprob(repr(piece), -1.0, piece) for piece in pieces]
    assert wire.logprobs(0, tokens)["text_offset"] == [0, 0, 1, 1, 2]


def test_of_two_alternatives_that_read_the_same_the_likelier_one_is_told() -> None:
    wire = CompletionWire("1", "m", 1, asked_for(2))
    top = (TokenLogprob("\ufffd", -0.1, b"\xf0"), TokenLogprob("\ufffd", -3.0, b"\xe2"))
    for chosen in top:
        token = TokenLogprob(chosen.token, chosen.logprob, chosen.raw, top)
        assert wire.logprobs(0, [token])["top_logprobs"] == [{"\ufffd": -0.1}]


def asked_for(logprobs: int) -> CompletionRequest:
    return CompletionRequest.model_validate({"prompt": "x", "logprobs": logprobs})
