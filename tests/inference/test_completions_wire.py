"""The bytes of a legacy completion: several prompts, token ids, the legacy log-probabilities."""

from typing import Any

import pytest

from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import cost, only_hold

PATH = "/v1/completions"


async def complete(tenant: Tenant, prompt: object, **fields: Any) -> Call:
    return await tenant.call(path=PATH, prompt=prompt, **fields).finished()


async def test_a_prompt_is_continued(ada: Tenant) -> None:
    call = await complete(ada, "one two")
    assert call.status == 200
    answer = call.json
    assert answer["id"].startswith("cmpl-")
    assert answer["object"] == "text_completion"
    choice = {"index": 0, "text": "one two", "logprobs": None, "finish_reason": "stop"}
    assert answer["choices"] == [choice]
    assert answer["usage"]["total_tokens"] == 4


async def test_sixteen_tokens_unless_asked_otherwise(ada: Tenant) -> None:
    call = await complete(ada, "#words=40")
    assert call.json["usage"]["completion_tokens"] == 16
    assert call.json["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        (["a b", "c"], ["a b", "a b", "c", "c"]),
        ([5, 6], ["t5 t6", "t5 t6"]),
        ([[5], [6, 7]], ["t5", "t5", "t6 t7", "t6 t7"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_index_is_the_prompts_place_times_n_plus_the_choice(
    ada: Tenant, prompt: object, texts: list[str], stream: bool
) -> None:
    call = await complete(ada, prompt, n=2, stream=stream)
    said = [""] * len(texts)
    for event in call.events if stream else [call.json]:
        for choice in event["choices"]:
            said[choice["index"]] += choice["text"]
    assert said == texts


async def test_all_prompts_are_paid_by_one_hold(ada: Tenant) -> None:
    call = await complete(ada, ["a b", "c d e"], n=2)
    assert call.json["usage"]["prompt_tokens"] == 5
    assert call.json["usage"]["completion_tokens"] == 10
    hold = await only_hold()
    assert (hold.charged, hold.choices) == (cost(5, 10), 4)


async def test_a_stream_ends_with_the_reason_and_done(ada: Tenant) -> None:
    call = await complete(ada, "a b", stream=True, stream_options={"include_usage": True})
    choices = [event["choices"] for event in call.events]
    assert [c[0]["text"] for c in choices[:-1]] == ["a", " b", ""]
    assert [c[0]["finish_reason"] for c in choices[:-1]] == [None, None, "stop"]
    assert choices[-1] == []
    assert call.events[-1]["usage"]["total_tokens"] == 4
    assert all(event["object"] == "text_completion" for event in call.events)


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_have_the_legacy_shape(ada: Tenant, stream: bool) -> None:
    call = await complete(ada, "ab cd", logprobs=1, stream=stream)
    found: dict[str, list[object]] = {}
    for event in call.events if stream else [call.json]:
        for name, values in (event["choices"][0]["logprobs"] or {}).items():
            found.setdefault(name, []).extend(values)
    assert found == {
        "tokens": ["ab", " cd"],
        "token_logprobs": [-0.6931, -0.6931],
        "top_logprobs": [{"ab": -0.6931}, {" cd": -0.6931}],
        "text_offset": [0, 2],
    }
