"""A remote server's answer, as deltas: words, calls, log-probabilities, and what they cost."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from inference.engines.base import (
    ContextTooLong,
    Delta,
    GenerationFailed,
    InvalidGeneration,
    Message,
    ResponseFormat,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)
from tests.inference.remote.upstream import (
    USAGE,
    Call,
    bad_gateway,
    engine,
    finished,
    generated,
    read,
    request,
    said,
    two_words,
    upstream,
)


async def test_words_come_as_they_are_said_and_the_end_tells_what_they_used() -> None:
    async with upstream() as server, engine(server) as remote:
        deltas = await generated(remote)

    assert "".join(delta.text for delta in deltas) == "Hello you"
    assert deltas[-1].finish_reason == "stop"
    assert (deltas[-1].prompt_tokens, deltas[-1].completion_tokens) == (7, 2)


async def test_a_request_says_what_was_asked_and_no_more() -> None:
    async with upstream() as server, engine(server, options="model=theirs") as remote:
        await generated(remote, request(temperature=0.0, stop=("END",), seed=3), most=9)
        await generated(remote, replace(request(), prompt="Once", messages=()))
    chat, completion = server.generations

    assert (chat.path, completion.path) == ("/v1/chat/completions", "/v1/completions")
    assert chat.body == {
        "model": "theirs",
        "messages": [{"role": "user", "content": "Hi there"}],
        "temperature": 0.0,
        "top_p": 1.0,
        "n": 1,
        "seed": 3,
        "stop": ["END"],
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert completion.body["prompt"] == "Once"


async def calling(call: Call) -> None:
    await call.begin()
    first = {"index": 0, "id": "call_a", "function": {"name": "weather", "arguments": ""}}
    for piece in (first, {"index": 0, "function": {"arguments": '{"city":"Oslo"}'}}):
        await call.event({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    await call.event(finished("tool_calls"))
    await call.event({"choices": [], "usage": USAGE})
    await call.end()


async def test_the_models_calls_pass_through() -> None:
    asked = replace(request(), tools=(Tool("weather"),))
    async with upstream(calling) as server, engine(server) as remote:
        deltas = await generated(remote, asked)

    assert [piece for delta in deltas for piece in delta.tool_calls] == [
        ToolCallDelta(0, "", "call_a", "weather"),
        ToolCallDelta(0, '{"city":"Oslo"}'),
    ]
    assert deltas[-1].finish_reason == "tool_calls"


async def test_tools_calls_and_the_form_of_the_answer_are_told_to_the_server() -> None:
    asked = replace(
        request(),
        messages=(
            Message("assistant", "", tool_calls=(ToolCall("c1", "weather", "{}"),)),
            Message("tool", "rain", tool_call_id="c1"),
        ),
        tools=(Tool("weather", "of a city", {"type": "object"}, strict=True),),
        tool_choice=ToolChoice("required", ("weather",)),
        response_format=ResponseFormat({"type": "object"}),
    )
    async with upstream(calling) as server, engine(server) as remote:
        await generated(remote, asked)
    body = server.generations[0].body

    assert body["messages"][0]["tool_calls"][0]["function"]["name"] == "weather"
    assert body["messages"][1]["tool_call_id"] == "c1"
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_log_probabilities_pass_through() -> None:
    told = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
    }

    async def telling(call: Call) -> None:
        await call.begin()
        await call.event(said("é", logprobs={"content": [told]}))
        await call.event(finished())
        await call.event({"choices": [], "usage": USAGE})
        await call.end()

    async with upstream(telling) as server, engine(server) as remote:
        deltas = await generated(remote, request(logprobs=True, top_logprobs=1))

    (heard,) = [one for delta in deltas for one in delta.logprobs]
    assert heard == TokenLogprob("é", -0.5, "é".encode(), (TokenLogprob("e", -1.0, b"e"),))


async def test_several_choices_share_one_figure_and_cached_tokens_are_told_once() -> None:
    async def twice(call: Call) -> None:
        await call.begin()
        for index in (0, 1):
            await call.event(said("word", index))
            await call.event(finished("length", index))
        usage = {**USAGE, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}
        await call.event({"choices": [], "usage": usage})
        await call.end()

    async with upstream(twice) as server, engine(server) as remote:
        deltas = await generated(remote, request(n=2))
    last = {delta.index: delta for delta in deltas}

    assert sum(delta.completion_tokens for delta in last.values()) == 9
    assert [last[0].cached_tokens, last[1].cached_tokens] == [5, 0]
    assert last[1].finish_reason == "length"


async def test_usage_with_every_piece_is_asked_for_and_believed() -> None:
    async def each(call: Call) -> None:
        await call.begin()
        await call.event({**said("Hello you"), "usage": {**USAGE, "completion_tokens": 4}})
        await asyncio.sleep(3600)

    async with upstream(each) as server, engine(server, options="usage=each") as remote:
        stream = remote.generate(await remote.prepare(request()), 50)
        (delta,) = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert (delta.prompt_tokens, delta.completion_tokens) == (7, 4)
    assert server.generations[0].body["stream_options"]["continuous_usage_stats"] is True


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ({"prompt_tokens": 10**8, "completion_tokens": 10**8}, (1000, 50)),
        ({"prompt_tokens": 0, "completion_tokens": 1}, (1, 1)),
    ],
)
async def test_usage_is_never_more_than_was_asked_for(
    told: dict[str, int], owed: tuple[int, int]
) -> None:
    async def boasting(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await call.event(finished())
        await call.event({"choices": [], "usage": told})
        await call.end()

    async with upstream(boasting) as server, engine(server) as remote:
        prepared = await remote.prepare(request("word " * 1000))
        deltas = [delta async for batch in remote.generate(prepared, 50) for delta in batch]

    assert (deltas[-1].prompt_tokens, deltas[-1].completion_tokens) == owed
    assert deltas[-1].prompt_tokens <= prepared.prompt_tokens


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 7, "completion_tokens": 0}])
async def test_an_answer_without_usage_is_refused_and_its_words_counted_by_us(
    usage: dict[str, int] | None,
) -> None:
    async def silent(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await call.event(said(" you"))
        await call.event(finished())
        await call.event({"choices": [], "usage": usage})
        await call.end()

    heard: list[Delta] = []
    async with upstream(silent) as server, engine(server) as remote:
        prepared = await remote.prepare(request("four words are here"))
        with pytest.raises(GenerationFailed, match="does not tell what its answer used"):
            await read(remote, prepared, heard)

    assert heard[-1].completion_tokens == 2
    assert heard[-1].prompt_tokens <= prepared.prompt_tokens


async def test_of_a_server_that_never_tells_usage_the_pieces_count_where_the_row_says_so() -> None:
    async def silent(call: Call) -> None:
        half = [{"token": "\ufffd", "logprob": -0.5, "bytes": [195], "top_logprobs": []}]
        await call.begin()
        await call.event(said("Hello"))
        await call.event(said("", logprobs={"content": half}))
        await call.event(finished("length"))
        await call.end()

    asked = request("four words are here", logprobs=True)
    async with upstream(silent) as server, engine(server, options="usage=pieces") as remote:
        last = (await generated(remote, asked))[-1]
    assert (last.finish_reason, last.completion_tokens) == ("length", 2)
    assert last.prompt_tokens == len("four words are here") // 8

    async with upstream() as server, engine(server, options="usage=pieces") as remote:
        last = (await generated(remote))[-1]
    assert (last.prompt_tokens, last.completion_tokens) == (7, 2), "what it tells counts"


async def test_prompts_are_counted_by_the_server_where_it_can() -> None:
    async def counting(call: Call) -> None:
        if call.path == "/tokenize":
            await call.answer(200, {"count": 123, "tokens": []})
        else:
            await two_words(call)

    async with upstream(counting) as server, engine(server, options="count=tokenize") as remote:
        prepared = await remote.prepare(request())
        server.script = _too_many
        with pytest.raises(ContextTooLong):
            await remote.prepare(request())

    assert (prepared.prompt_tokens, prepared.max_output) == (123, 877)
    assert server.generations[0].body["add_generation_prompt"] is True


async def test_a_prompt_is_counted_by_another_server_where_one_is_away() -> None:
    async def counting(call: Call) -> None:
        await call.answer(200, {"count": 123})

    async with (
        upstream(bad_gateway) as ill,
        upstream(counting) as well,
        engine(ill, well, options="count=tokenize") as remote,
    ):
        counts = [(await remote.prepare(request())).prompt_tokens for _ in range(4)]
    assert counts == [123] * 4
    assert ill.generations


async def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    async with upstream() as server, engine(server, window=10) as remote:
        with pytest.raises(ContextTooLong, match="context window is 10 tokens"):
            await remote.prepare(request("x" * 80))
        assert (await remote.prepare(request("x" * 79))).prompt_tokens == 10, "held at most"
    assert not server.generations


async def _too_many(call: Call) -> None:
    await call.answer(200, {"count": 1000})


async def test_a_prompt_is_never_held_for_less_than_it_can_be() -> None:
    asked = replace(request("ünïcode €" * 10), tools=(Tool("t", "x" * 100),))
    async with upstream() as server, engine(server, window=10**6) as remote:
        prepared = await remote.prepare(asked)

    assert prepared.prompt_tokens > len(("ünïcode €" * 10).encode()) + 100


@pytest.mark.parametrize("change", [{"adapter": "a"}, {"echo": True, "prompt": "x"}])
async def test_what_other_servers_cannot_do_is_refused_before_anything_is_paid(
    change: dict[str, Any],
) -> None:
    async with upstream() as server, engine(server) as remote:
        with pytest.raises(InvalidGeneration):
            await remote.prepare(replace(request(), **change))
    assert not server.generations
