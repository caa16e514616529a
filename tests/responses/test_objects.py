"""The response object: what was asked, what was answered, what it cost; and what is refused."""

from typing import Any

import pytest

from billing.pricing import usd
from inference.engines.base import Message, ToolCall
from inference.models import Response
from inference.responses.generation import _without_the_oldest
from inference.schemas.responses.answers import ResponseObject
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold
from tests.responses.wire import ask, said

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
OPEN_RESPONSES = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
    "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
    "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
    "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage",
    "max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata",
    "safety_identifier", "prompt_cache_key",
}  # fmt: skip


async def test_an_answer_has_every_key_and_states_its_exact_cost(bakery: Tenant) -> None:
    call = await ask(bakery, "one two three")
    body = call.json
    ResponseObject.model_validate(body)
    assert body.keys() >= OPEN_RESPONSES
    assert (body["status"], said(body)) == ("completed", "one two three")
    assert body["id"] == call.answer_headers["x-request-id"].replace("req_", "resp_")
    assert body["output"][0]["id"].startswith("msg_")
    assert len(body["output"][0]["id"]) == len("msg_") + 32
    hold = await only_hold()
    assert (hold.id, hold.charged) == (body["id"].replace("resp_", "gen_"), cost(3, 3))
    assert body["usage"]["cost"] == usd(cost(3, 3)) == call.answer_headers["x-request-cost"]
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (3, 3)
    assert await balance(bakery) == (10**9 - cost(3, 3), 0)


async def test_cached_tokens_are_told(bakery: Tenant) -> None:
    usage = (await ask(bakery, "#cached=2 one two three")).json["usage"]
    assert usage["input_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 0}
    assert usage["cost"] == usd(cost(4, 3, 2))
    counts = [usage[name] for name in ("input_tokens", "output_tokens", "total_tokens")]
    assert counts == [4, 3, 7]


async def test_what_meets_its_token_limit_is_incomplete(bakery: Tenant) -> None:
    body = (await ask(bakery, "#words=9", max_output_tokens=4)).json
    assert (body["status"], said(body)) == ("incomplete", "w1 w2 w3 w4")
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["output"][0]["status"] == "incomplete"
    assert body["completed_at"] is None


async def test_what_was_asked_comes_back(bakery: Tenant) -> None:
    asked: dict[str, Any] = {
        "instructions": "Be brief.",
        "temperature": 0.5,
        "top_p": 0.9,
        "metadata": {"order": "7"},
        "max_output_tokens": 50,
        "max_tool_calls": 3,
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "someone",
        "prompt_cache_key": "shop",
        "truncation": "auto",
        "user": "u1",
        "store": False,
        "tools": [WEATHER],
        "tool_choice": "none",
        "text": {"format": {"type": "text"}, "verbosity": "low"},
    }
    body = (await ask(bakery, **asked)).json
    assert {name: body[name] for name in asked} == asked
    ResponseObject.model_validate(body)


async def test_null_is_as_good_as_absent(bakery: Tenant) -> None:
    names = (
        "background", "conversation", "include", "instructions", "max_output_tokens",
        "max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id", "prompt",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning",
        "safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature",
        "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
        "access_programs", "context_management", "image", "moderation",
    )  # fmt: skip
    call = await ask(bakery, **dict.fromkeys(names))
    assert (call.status, said(call.json)) == (200, "one two")


async def test_instructions_come_first_and_developers_speak_as_the_system(bakery: Tenant) -> None:
    items = [
        {"role": "developer", "content": "a b"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "d"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"role": "user", "content": "e f"},
    ]
    body = (await ask(bakery, items, instructions="g h i")).json
    assert said(body) == "e f"
    assert body["usage"]["input_tokens"] == 3 + 2 + 1 + 1 + 2


async def test_logprobs_are_told_where_they_are_asked_for(bakery: Tenant) -> None:
    include = ["message.output_text.logprobs"]
    body = (await ask(bakery, include=include, top_logprobs=2)).json
    tokens = body["output"][0]["content"][0]["logprobs"]
    assert [token["token"] for token in tokens] == ["one", " two"]
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)
    assert bytes(tokens[0]["bytes"]) == b"one"
    ResponseObject.model_validate(body)
    assert (await ask(bakery)).json["output"][0]["content"][0]["logprobs"] == []


async def test_a_schema_is_held(bakery: Tenant) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    asked = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}
    body = (await ask(bakery, "Ben is 42", text={"format": asked})).json
    assert '"age"' in said(body)
    assert body["text"]["format"] == asked


PART = {"type": "input_image", "image_url": "data:"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].name"),
        ({"tools": [{**WEATHER, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**WEATHER, "async": 0}]}, "tools[0].async"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice.type"),
        ({"input": [{"role": "user", "content": [PART]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "computer_call_output"}]}, "input[0].type"),
        ({"input": [{"id": "msg_1"}]}, "input[0].id"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": ""}]}, "input"),
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options.prewarm"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": "1"}, "top_p"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"include": ["everything"]}, "include[0]"),
        ({"truncation": "middle"}, "truncation"),
        ({"stream_options": {}}, "stream_options"),
        ({"background": True, "store": False}, "background"),
        ({"conversation": "conv_1", "previous_response_id": "resp_1"}, "conversation"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"messages": []}, "messages"),
        ({"input": "#reject=messages"}, "input"),
        ({"input": "#reject=response_format"}, "text.format"),
        ({"input": "#reject=tools[0].function.parameters"}, "tools[0].parameters"),
    ],
)
async def test_what_cannot_be_served_is_refused_by_name(
    bakery: Tenant, fields: dict[str, Any], param: str
) -> None:
    call = await ask(bakery, fields.pop("input", "hi"), **fields)
    assert (call.status, call.error["param"]) == (400, param)
    assert call.error["type"] == "invalid_request_error"
    assert await balance(bakery) == (10**9, 0)


async def test_a_prompt_that_is_too_long_is_refused(bakery: Tenant) -> None:
    call = await ask(bakery, "word " * 9000)
    assert (call.status, call.error["code"]) == (400, "context_length_exceeded")
    assert call.error["param"] == "input"


async def test_truncation_drops_the_oldest_items_until_the_rest_fits(bakery: Tenant) -> None:
    items = [{"role": "user", "content": "word " * 1000} for _ in range(12)]
    items.append({"role": "user", "content": "one two"})
    body = (await ask(bakery, items, instructions="Be brief", truncation="auto")).json
    assert said(body) == "one two"
    assert 5000 < body["usage"]["input_tokens"] < 8192
    assert body["usage"]["input_tokens"] % 1000 == 4  # instructions and the last item are there


def test_what_a_tool_said_is_dropped_with_its_call() -> None:
    system, user = Message("system", "s"), Message("user", "u")
    call = Message("assistant", "", tool_calls=(ToolCall("c", "f", "{}"),))
    output = Message("tool", "o", tool_call_id="c")
    chat = (system, call, output, output, user, user)
    assert _without_the_oldest(chat) == (system, user, user)
    assert _without_the_oldest((system, user)) == (system, user)


async def test_an_answer_that_fails_is_free_and_not_kept(bakery: Tenant) -> None:
    call = await ask(bakery, "#words=5 #fail=2")
    assert (call.status, call.error["code"]) == (503, "generation_failed")
    hold = await only_hold()
    assert (hold.state, hold.charged) == ("voided", 0)
    assert await balance(bakery) == (10**9, 0)
    assert await Response.objects.acount() == 0
