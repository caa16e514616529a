"""Tool calls and JSON answers on the wire: order, indexes, names once, reasons to end, replays."""

import json
import re
from typing import Any

import pytest

from inference.engines.base import Delta, ToolCallDelta
from inference.gateway.chat_completions import ChatWire
from inference.schemas.answers import ChatCompletion, ChatCompletionChunk
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import cost, only_hold
from tests.inference.tool_requests import WEATHER, chat, named

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": CITY}},
    {"type": "function", "function": {"name": "get_time", "parameters": CITY}},
]
QUESTION = "What is the weather in Paris?"
TWO = "#call=get_weather #call=get_time Tell me of Paris and Rome"
ARGUMENTS = '{"city": "Paris"}'


def deltas(call: Call, index: int = 0) -> list[dict[str, Any]]:
    """What one choice of a stream was given; each event keeps to the description."""
    for event in call.events:
        ChatCompletionChunk.model_validate(event)
    choices = [choice for event in call.events for choice in event["choices"]]
    return [choice["delta"] for choice in choices if choice["index"] == index]


def pieces(call: Call, index: int = 0) -> list[dict[str, Any]]:
    """The pieces of tool calls, in order."""
    return [piece for delta in deltas(call, index) for piece in delta.get("tool_calls", [])]


def joined(call: Call, index: int = 0) -> list[dict[str, Any]]:
    """The calls of a stream, as a client puts them together: by adding strings up."""
    calls: dict[int, dict[str, Any]] = {}
    for piece in pieces(call, index):
        made = calls.setdefault(
            piece["index"], {"id": "", "type": "", "function": {"name": "", "arguments": ""}}
        )
        made["id"] += piece.get("id", "")
        made["type"] += piece.get("type", "")
        for key, value in piece["function"].items():
            made["function"][key] += value
    return [calls[place] for place in sorted(calls)]


def reasons(call: Call) -> list[str]:
    choices = [choice for event in call.events for choice in event["choices"]]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


async def test_a_call_has_no_content_and_its_arguments_are_text(ada: Tenant) -> None:
    call = await ada.ask(QUESTION, tools=TOOLS)
    ChatCompletion.model_validate(call.json)
    (choice,) = call.json["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (made,) = choice["message"].pop("tool_calls")
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": None}
    assert re.fullmatch(r"call_[0-9a-f]{24}", made.pop("id"))
    assert made == {
        "type": "function",
        "function": {"name": "get_weather", "arguments": ARGUMENTS},
    }


async def test_a_text_answer_has_no_key_for_calls(ada: Tenant) -> None:
    call = await ada.ask("Hello", tools=TOOLS)
    assert "tool_calls" not in call.json["choices"][0]["message"]
    assert b"tool_calls" not in (await ada.ask("Hello", tools=TOOLS, stream=True)).raw


async def test_a_streamed_call_begins_with_the_role_and_null_content(ada: Tenant) -> None:
    first, second, *_ = deltas(await ada.ask(QUESTION, tools=TOOLS, stream=True))
    assert first == {"role": "assistant", "content": None, "refusal": None}
    assert second["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": ""}


async def test_id_type_and_name_come_once_and_the_index_always(ada: Tenant) -> None:
    call = await ada.ask(TWO, tools=TOOLS, stream=True)
    by_index: dict[int, list[dict[str, Any]]] = {0: [], 1: []}
    for piece in pieces(call):
        by_index[piece["index"]].append(piece)
    for first, *others in by_index.values():
        assert set(first) == {"index", "id", "type", "function"}
        assert set(first["function"]) == {"name", "arguments"}
        assert len(others) > 1
        assert all(set(piece) == {"index", "function"} for piece in others)
        assert all(set(piece["function"]) == {"arguments"} for piece in others)


async def test_one_chunk_holds_one_piece(ada: Tenant) -> None:
    """Clients keep a chunk's list as it is when it is the first: two pieces would stay apart."""
    wire = ChatWire("1", "m", 1, chat())
    two = (ToolCallDelta(0, "", "call_1", "f"), ToolCallDelta(0, "{}"))
    text = wire.events([Delta(0, "", 2, None, tool_calls=two)])
    lists = re.findall(r'"tool_calls":\[(.*?)\]', text)
    assert [one.count('"index"') for one in lists] == [1, 1]


@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"logprobs": True, "top_logprobs": 2}])
async def test_the_streamed_and_the_whole_calls_are_the_same(
    ada: Tenant, fields: dict[str, Any]
) -> None:
    whole = (await ada.ask(TWO, tools=TOOLS, **fields)).json["choices"]
    call = await ada.ask(TWO, tools=TOOLS, stream=True, **fields)
    for choice in whole:
        streamed = joined(call, choice["index"])
        assert [one["function"] for one in streamed] == [
            one["function"] for one in choice["message"]["tool_calls"]
        ]
        assert [json.loads(one["function"]["arguments"]) for one in streamed] == [
            {"city": "Paris"},
            {"city": "Rome"},
        ]
    assert reasons(call) == [choice["finish_reason"] for choice in whole]


async def test_every_call_of_every_choice_has_its_own_id(ada: Tenant) -> None:
    choices = (await ada.ask(TWO, tools=TOOLS, n=3)).json["choices"]
    ids = [call["id"] for choice in choices for call in choice["message"]["tool_calls"]]
    assert len(set(ids)) == 6


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (None, "tool_calls"),
        ("auto", "tool_calls"),
        ("required", "tool_calls"),
        ("none", "stop"),
        (named("get_weather"), "stop"),
    ],
)
async def test_reasons_to_end_are_openais(
    ada: Tenant, choice: object, reason: str, stream: bool
) -> None:
    call = await ada.ask(QUESTION, tools=TOOLS, tool_choice=choice, stream=stream)
    if stream:
        assert (reasons(call), bool(joined(call))) == ([reason], choice != "none")
    else:
        (answered,) = call.json["choices"]
        assert answered["finish_reason"] == reason
        assert bool(answered["message"].get("tool_calls")) == (choice != "none")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", ["auto", named("get_weather")])
async def test_a_call_that_was_cut_says_length(ada: Tenant, choice: object, stream: bool) -> None:
    call = await ada.ask(QUESTION, tools=TOOLS, tool_choice=choice, max_tokens=4, stream=stream)
    if stream:
        (made,) = joined(call)
        assert reasons(call) == ["length"]
    else:
        (answered,) = call.json["choices"]
        (made,) = answered["message"]["tool_calls"]
        assert answered["finish_reason"] == "length"
    assert ARGUMENTS.startswith(made["function"]["arguments"])
    assert made["function"]["arguments"] != ARGUMENTS


async def test_without_parallel_calls_there_is_one(ada: Tenant) -> None:
    call = await ada.ask(TWO, tools=TOOLS, parallel_tool_calls=False)
    assert len(call.json["choices"][0]["message"]["tool_calls"]) == 1


async def test_older_functions_are_answered_in_their_own_words(ada: Tenant) -> None:
    older = {"functions": [{**WEATHER, "parameters": CITY}]}
    (choice,) = (await ada.ask(QUESTION, **older)).json["choices"]
    call = {"name": "get_weather", "arguments": ARGUMENTS}
    assert choice["finish_reason"] == "function_call"
    assert choice["message"] == {
        "role": "assistant", "content": None, "refusal": None, "function_call": call,
    }  # fmt: skip

    streamed = await ada.ask(QUESTION, **older, stream=True)
    first, *others = [d["function_call"] for d in deltas(streamed) if "function_call" in d]
    assert first == {"name": "get_weather", "arguments": ""}
    assert all(set(piece) == {"arguments"} for piece in others)
    assert "".join(piece["arguments"] for piece in others) == ARGUMENTS
    assert reasons(streamed) == ["function_call"]
    assert b"tool_calls" not in streamed.raw


async def test_a_demanded_function_ends_with_stop(ada: Tenant) -> None:
    older = {"functions": [WEATHER], "function_call": {"name": "get_weather"}}
    assert (await ada.ask("Hello", **older)).json["choices"][0]["finish_reason"] == "stop"


async def test_with_opt_in_usage_is_null_until_one_last_chunk(ada: Tenant) -> None:
    options = {"include_usage": True}
    call = await ada.ask(QUESTION, tools=TOOLS, stream=True, stream_options=options)
    *chunks, last = call.events
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)
    assert last["choices"] == []
    hold = await only_hold()
    usage = last["usage"]
    assert hold.charged == cost(usage["prompt_tokens"], usage["completion_tokens"])


@pytest.mark.parametrize("stream", [False, True])
async def test_no_logprobs_are_told_of_calls(ada: Tenant, stream: bool) -> None:
    call = await ada.ask(QUESTION, tools=TOOLS, logprobs=True, stream=stream)
    if stream:
        assert all(choice["logprobs"] is None for e in call.events for choice in e["choices"])
    else:
        assert call.json["choices"][0]["logprobs"] == {"content": [], "refusal": None}


@pytest.mark.parametrize(
    "fields",
    [{"tools": TOOLS}, {"functions": [{**WEATHER, "parameters": CITY}]}, {"tools": TOOLS, "n": 2}],
    ids=["tools", "functions", "two choices"],
)
async def test_a_retried_stream_gives_the_same_calls_again(
    ada: Tenant, fields: dict[str, Any]
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await ada.ask(QUESTION, headers=key, stream=True, **fields)
    again = await ada.ask(QUESTION, headers=key, stream=True, **fields)
    assert again.answer_headers["idempotent-replayed"] == "true"
    for index in range(fields.get("n", 1)):
        assert joined(again, index) == joined(first, index)
        assert deltas(again, index)[0] == deltas(first, index)[0]
    assert sorted(reasons(again)) == sorted(reasons(first))
    named_once = [p for p in deltas(again) if "name" in p.get("function_call", {})]
    assert len(named_once) == (1 if "functions" in fields else 0)


async def test_text_before_a_call_is_content() -> None:
    wire = ChatWire("1", "m", 1, chat())
    call = ToolCallDelta(0, "{}", "call_1", "f")
    chunks = wire.events([Delta(0, "", 1)])
    assert chunks == ""
    chunks = wire.events(
        [Delta(0, "Let me see. ", 3), Delta(0, "", 5, "tool_calls", (), 0, (call,))]
    )
    said = [json.loads(line[6:])["choices"][0]["delta"] for line in chunks.split("\n\n")[:-1]]
    assert [list(delta) for delta in said] == [
        ["role", "content", "refusal"],
        ["content"],
        ["tool_calls"],
        [],
    ]
    assert said[0]["content"] == ""


@pytest.mark.parametrize("stream", [False, True])
async def test_a_json_answer_is_content(ada: Tenant, stream: bool) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    call = await ada.ask("Say 7", response_format=form, stream=stream)
    if stream:
        text = "".join(delta.get("content") or "" for delta in deltas(call))
        assert reasons(call) == ["stop"]
    else:
        text = call.json["choices"][0]["message"]["content"]
        assert call.json["choices"][0]["finish_reason"] == "stop"
    assert json.loads(text) == {"a": 7}


async def test_a_schema_that_the_engine_cannot_hold_to_costs_nothing(ada: Tenant) -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": endless}}
    call = await ada.ask("Say 7", response_format=form, stream=True)
    assert (call.status, call.error["param"]) == (400, "response_format")
