"""What vLLM, SGLang and Ray Serve LLM write on the wire, as they define it, is understood."""

import json
from dataclasses import replace
from typing import Any

import pytest

from inference.engines.base import Delta, GenerationFailed, Tool
from tests.inference.remote.upstream import Call, engine, generated, request, upstream

CHUNK = {"id": "chatcmpl-9f", "object": "chat.completion.chunk", "created": 1795305647}
WORDS = [("Par", -0.25), ("is", -1.5)]


def vllm(choice: dict[str, Any], completion: int) -> dict[str, Any]:
    """With `continuous_usage_stats`; what is unset is left out."""
    usage = {
        "prompt_tokens": 9,
        "total_tokens": 9 + completion,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    return {**CHUNK, "model": "m", "choices": [{"index": 0, **choice}], "usage": usage}


def sglang(choice: dict[str, Any], completion: int) -> dict[str, Any]:
    """What is unset is null."""
    nothing = {
        "role": None, "content": None, "reasoning_content": None, "tool_calls": None,
        "hidden_states": None, "sglext": None,
    }  # fmt: skip
    delta = {**nothing, **choice.pop("delta")}
    rest = {"logprobs": None, "finish_reason": None, "matched_stop": None}
    usage = {
        "prompt_tokens": 9,
        "total_tokens": 9 + completion,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": 4},
        "reasoning_tokens": 0,
        "completion_tokens_details": None,
    }
    said = {"index": 0, "delta": delta, **rest, **choice}
    return {**CHUNK, "model": "m", "choices": [said], "usage": usage}


def ray(choice: dict[str, Any], completion: int) -> dict[str, Any]:
    """vLLM's words with everything unset as null, and no word of what was remembered."""
    delta: dict[str, Any] = {"role": None, "content": None, "tool_calls": [], "reasoning": None}
    rest = {"logprobs": None, "finish_reason": None, "stop_reason": None, "token_ids": None}
    choice = {"index": 0, **rest, **choice, "delta": {**delta, **choice["delta"]}}
    usage = {
        "prompt_tokens": 9,
        "total_tokens": 9 + completion,
        "completion_tokens": completion,
        "prompt_tokens_details": None,
    }
    more = {"prompt_token_ids": None, "system_fingerprint": None}
    return {**CHUNK, "model": "m", "choices": [choice], "usage": usage, **more}


SERVERS = pytest.mark.parametrize("server", [vllm, sglang, ray])


def logprob(word: str, value: float) -> dict[str, Any]:
    one = {"token": word, "logprob": value, "bytes": list(word.encode())}
    other = {"token": "x", "logprob": -9999.0, "bytes": [120]}
    return {"content": [{**one, "top_logprobs": [one, other]}]}


async def heard(server: Any, chunks: list[dict[str, Any]], *tools: Tool) -> list[Delta]:
    total = chunks[-1]["usage"]

    async def script(call: Call) -> None:
        await call.begin()
        if server is ray:  # it sends what came together as one
            await call.raw(b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in chunks))
            chunks.clear()
        for chunk in chunks:
            await call.event(chunk)
        await call.event({**CHUNK, "model": "m", "choices": [], "usage": total})
        await call.end()

    asked = request(logprobs=True, top_logprobs=2) if not tools else request()
    async with upstream(script) as there, engine(there, options="usage=each") as remote:
        return await generated(remote, replace(asked, tools=tools))


@SERVERS
async def test_words_with_their_log_probabilities_and_usage(server: Any) -> None:
    chunks = [server({"delta": {"role": "assistant", "content": ""}, "logprobs": None}, 0)]
    for number, (word, value) in enumerate(WORDS, 1):
        said = {"delta": {"content": word}, "logprobs": logprob(word, value)}
        chunks.append(server(said, number))
    end = {"delta": {"content": ""}, "finish_reason": "stop", "stop_reason": None}
    deltas = await heard(server, [*chunks, server({**end, "logprobs": None}, 3)])

    told = [one for delta in deltas for one in delta.logprobs]
    assert [(one.token, one.logprob) for one in told] == WORDS
    assert [other.logprob for other in told[1].top] == [-1.5, -9999.0]
    last = deltas[-1]
    cached = 0 if server is ray else 4
    assert (last.finish_reason, last.prompt_tokens, last.cached_tokens) == ("stop", 9, cached)
    assert last.completion_tokens == 3, "with the token that ended it"


@SERVERS
async def test_a_thought_is_paid_and_two_calls_come_in_pieces(server: Any) -> None:
    thought = "reasoning_content" if server is sglang else "reasoning"
    pieces = [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": "weather"}},
        {"index": 0, "id": None, "function": {"name": None, "arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Oslo"}'}},
        {"index": 1, "id": "call_b", "type": "function",
         "function": {"name": "clock", "arguments": "{}"}},
        {"index": 1, "id": None, "function": None},
    ]  # fmt: skip
    chunks = [server({"delta": {thought: "Hm."}}, 2)]
    for number, piece in enumerate(pieces, 3):
        chunks.append(server({"delta": {"tool_calls": [piece]}}, number))
    chunks.append(server({"delta": {}, "finish_reason": "tool_calls"}, 8))
    deltas = await heard(server, chunks, Tool("weather"), Tool("clock"))

    calls: dict[int, str] = {}
    for delta in deltas:
        for one in delta.tool_calls:
            calls[one.index] = calls.get(one.index, "") + one.arguments
    assert {index: json.loads(text) for index, text in calls.items()} == {
        0: {"city": "Oslo"},
        1: {},
    }
    assert not any(delta.text for delta in deltas)
    assert (deltas[-1].finish_reason, deltas[-1].completion_tokens) == ("tool_calls", 8)


@SERVERS
async def test_a_tool_that_had_to_be_called_ends_with_stop_and_counts_as_called(
    server: Any,
) -> None:
    """As vLLM ends it; and some servers give a call no id."""
    piece = {"index": 0, "function": {"name": "clock", "arguments": "{}"}}
    chunks = [
        server({"delta": {"tool_calls": [piece]}}, 4),
        server({"delta": {}, "finish_reason": "stop"}, 4),
    ]
    first, *_, last = await heard(server, chunks, Tool("clock"))
    assert last.finish_reason == "tool_calls"
    assert first.tool_calls[0].id


@pytest.mark.parametrize("function", [None, {"arguments": "{}"}, {"name": "", "arguments": "{}"}])
async def test_a_call_without_a_name_is_no_call(function: object) -> None:
    piece = {"index": 0, "id": "call_a", "function": function}
    with pytest.raises(GenerationFailed, match="without its name"):
        await heard(vllm, [vllm({"delta": {"tool_calls": [piece]}}, 1)], Tool("clock"))


@pytest.mark.parametrize("reason", ["abort", "error"])
async def test_an_answer_that_its_server_gave_up_is_no_end(reason: str) -> None:
    chunks = [vllm({"delta": {"content": "Par"}}, 1)]
    chunks.append(vllm({"delta": {}, "finish_reason": reason}, 1))
    with pytest.raises(GenerationFailed, match="broke this answer off"):
        await heard(vllm, chunks, Tool("clock"))


async def test_completions_tell_their_log_probabilities_in_lists() -> None:
    told = {
        "tokens": ["Par", "is"],
        "token_logprobs": [None, -1.5],
        "top_logprobs": [None, {"is": -1.5, "x": -9999.0}],
        "text_offset": [0, 3],
    }

    async def script(call: Call) -> None:
        await call.begin()
        choice = {"index": 0, "text": "Paris", "logprobs": told, "finish_reason": "length"}
        await call.event({"choices": [choice], "usage": None})
        await call.event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
        await call.end()

    asked = replace(request(logprobs=True, top_logprobs=2), prompt="The capital is", messages=())
    async with upstream(script) as there, engine(there) as remote:
        first, *_ = await generated(remote, asked)
        unasked, *_ = await generated(remote, replace(request(), prompt="The", messages=()))
    assert first.text == "Paris"
    assert [(one.token, one.logprob) for one in first.logprobs] == [("Par", None), ("is", -1.5)]
    assert [(one.token, one.logprob) for one in first.logprobs[1].top] == [
        ("is", -1.5),
        ("x", -9999.0),
    ]
    assert unasked.logprobs == ()
