"""Tools, choices, formats and calls in messages reach the engine as they were meant."""

from typing import Any

import pytest

from api.errors import InvalidRequest
from inference.engines.base import (
    GenerationRequest,
    Message,
    ResponseFormat,
    Tool,
    ToolCall,
    ToolChoice,
)
from tests.inference.tool_requests import (
    CALL,
    CALLED,
    HELLO,
    WEATHER,
    allowed,
    answer,
    chat,
    named,
    said,
    schema,
    tool,
    tools,
)  # fmt: skip


def asked(**fields: Any) -> GenerationRequest:
    (request,) = chat(**fields).generations("gen_1", "m", "org_1")
    return request


def test_tools_reach_the_engine() -> None:
    request = asked(tools=[{"type": "function", "function": {**WEATHER, "strict": True}}, tool()])
    weather = Tool("get_weather", "The weather of a city.", WEATHER["parameters"], strict=True)
    assert request.tools == (weather, Tool("f"))
    assert request.tool_choice == ToolChoice("auto")
    assert request.parallel_tool_calls


def test_a_schema_without_members_allows_any_arguments() -> None:
    assert asked(tools=[tool(parameters={})]).tools == (Tool("f", None, {}),)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        (named("g"), ToolChoice("required", ("g",))),
        (allowed("auto", "f", "g"), ToolChoice("auto", ("f", "g"))),
        (allowed("required", "g"), ToolChoice("required", ("g",))),
    ],
)
def test_every_tool_choice_reaches_the_engine(choice: object, expected: ToolChoice) -> None:
    assert asked(**tools(), tool_choice=choice).tool_choice == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ({"name": "get_weather"}, ToolChoice("required", ("get_weather",))),
    ],
)
def test_older_functions_are_tools_called_one_at_a_time(
    choice: object, expected: ToolChoice
) -> None:
    request = asked(functions=[WEATHER], function_call=choice)
    assert request.tools == (Tool("get_weather", "The weather of a city.", WEATHER["parameters"]),)
    assert request.tool_choice == expected
    assert not request.parallel_tool_calls


def test_parallel_calls_can_be_switched_off() -> None:
    assert not asked(**tools(), parallel_tool_calls=False).parallel_tool_calls


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, ResponseFormat()),
        (schema(name="a", schema={"type": "array"}), ResponseFormat({"type": "array"})),
        (schema(name="a", schema={}, strict=True, description="b"), ResponseFormat({})),
    ],
)
def test_every_format_reaches_the_engine(
    fields: dict[str, Any], expected: ResponseFormat | None
) -> None:
    assert asked(**fields).response_format == expected
    assert asked(**fields, **tools()).response_format == expected


def test_calls_and_their_answers_reach_the_engine() -> None:
    parts = [{"type": "text", "text": "Sunny"}]
    request = asked(**said(HELLO, CALLED, {**answer("call_1"), "content": parts}))
    assert request.messages[1:] == (
        Message("assistant", "", tool_calls=(ToolCall("call_1", "f", "{}"),)),
        Message("tool", "Sunny", name="f", tool_call_id="call_1"),
    )


def test_an_older_call_and_its_answer_belong_together() -> None:
    call = {"role": "assistant", "content": None, "function_call": CALL["function"]}
    result = {"role": "function", "name": "f", "content": "Sunny"}
    _, called, answered = asked(**said(HELLO, call, result)).messages
    assert called.tool_calls == (ToolCall("call_f", "f", "{}"),)
    assert answered == Message("tool", "Sunny", name="f", tool_call_id="call_f")


def test_an_answer_can_be_sent_back_as_clients_dump_it() -> None:
    nothing = dict.fromkeys(["refusal", "annotations", "audio", "function_call", "parsed"])
    nothing["provider_specific_fields"] = None
    function = {**CALL["function"], "parsed_arguments": {"city": "Paris"}}
    parsed = {**CALL, "index": 0, "function": function}
    chat(**said(HELLO, {**CALLED, **nothing, "tool_calls": [parsed]}, answer("call_1")))
    chat(**said(HELLO, {"role": "assistant", "content": "x", "tool_calls": None, **nothing}))


def test_a_reference_within_the_schema_is_no_remote_one() -> None:
    own = {"$defs": {"a": {}}, "properties": {"$ref": {"$ref": "#/$defs/a"}, "b": {"$ref": "#"}}}
    assert asked(tools=[tool(parameters=own)]).tools[0].parameters == own


def test_64_kilobytes_are_small_enough() -> None:
    full = {"description": "x" * (65_536 - len('{"description":""}'))}
    chat(tools=[tool(parameters=full)])
    with pytest.raises(InvalidRequest, match="64 KB"):
        chat(tools=[tool(parameters={"description": full["description"] + "ü"})])
