"""The scripted engine: when it calls tools, and that what it fills schemas with is valid."""

import json
from collections.abc import Sequence
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from inference.engines.base import (
    Delta,
    GenerationRequest,
    InvalidGeneration,
    Message,
    ResponseFormat,
    SamplingParams,
    Tool,
    ToolCall,
    ToolChoice,
)
from inference.engines.scripted import ScriptedEngine
from inference.runs import ChoiceAnswer
from inference.runs.answers import assemble

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUM = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
TOOLS = (Tool("get_weather", None, CITY), Tool("add", None, SUM), Tool("now"))


async def deltas(request: GenerationRequest, max_tokens: int = 1000) -> Sequence[Delta]:
    engine = ScriptedEngine()
    prepared = await engine.prepare(request)
    return [delta async for batch in engine.generate(prepared, max_tokens) for delta in batch]


async def say(text: str, **fields: Any) -> ChoiceAnswer:
    messages = (Message("user", text), *fields.pop("after", ()))
    request = GenerationRequest("gen_1", "scripted", SamplingParams(), messages=messages, **fields)
    (answer,) = assemble(await deltas(request), 1)
    return answer


async def calls(text: str, **fields: Any) -> list[tuple[str, Any]]:
    answer = await say(text, **{"tools": TOOLS, **fields})
    return [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", []),
        ("What is the weather in San Francisco, CA?", [("get_weather", {"city": "San Francisco"})]),
        ("What does add give for 3 and -4?", [("add", {"a": 3, "b": -4})]),
        ("b: 7, a=5, add them?", [("add", {"a": 5, "b": 7})]),
        ("#call=now", [("now", {})]),
        ("#call=nothing", []),
        (
            "#call=add #call=add #call=get_weather 1 2 3 4 'Ústí'",
            [
                ("add", {"a": 1, "b": 2}),
                ("add", {"a": 3, "b": 4}),
                ("get_weather", {"city": "Ústí"}),
            ],
        ),
    ],
)
async def test_it_calls_what_the_prompt_asks_for(text: str, expected: list[Any]) -> None:
    assert await calls(text) == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("none"), []),
        (ToolChoice("required"), ["get_weather"]),
        (ToolChoice("required", ("add",)), ["add"]),
        (ToolChoice("auto", ("add",)), []),
    ],
)
async def test_it_calls_what_it_must_and_may(choice: ToolChoice, expected: list[str]) -> None:
    assert [name for name, _ in await calls("Hello", tool_choice=choice)] == expected


async def test_only_one_call_where_several_are_not_wanted() -> None:
    assert len(await calls("#call=add #call=now", parallel_tool_calls=False)) == 1


async def test_a_loop_ends_once_a_tool_has_answered() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("c", "now", "{}"),))
    after = (call, Message("tool", "It is noon.", tool_call_id="c"))
    answer = await say("#call=now What time is it?", tools=TOOLS, after=after)
    assert (answer.text, answer.tool_calls, answer.finish_reason) == (
        "I was told: It is noon.",
        (),
        "stop",
    )


async def test_arguments_come_in_pieces_and_ids_differ_by_choice() -> None:
    said = (Message("user", "#call=add 1 2"),)
    sampling = SamplingParams(n=2)
    request = GenerationRequest("gen_1", "scripted", sampling, messages=said, tools=TOOLS)
    answers = await deltas(request)
    assert len([d for d in answers if d.index == 0 and d.tool_calls]) > 4
    assert [d.finish_reason for d in answers if d.finish_reason] == ["tool_calls"] * 2
    one, other = assemble(answers, 2)
    assert one.tool_calls[0].id != other.tool_calls[0].id


SCHEMAS: list[dict[str, Any]] = [
    CITY,
    {"type": "object", "properties": {"a": {"type": ["null", "number"]}, "b": {"type": "boolean"}}},
    {"type": "integer", "minimum": 10, "multipleOf": 4},
    {"type": "number", "exclusiveMaximum": 2},
    {"type": "integer", "exclusiveMinimum": 12},
    {"type": "string", "minLength": 200},
    {"type": "string", "maxLength": 3},
    {"type": "string", "format": "date-time"},
    {"type": "string", "pattern": "^[A-Z][a-z]+$"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 4},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
    {"type": "array", "maxItems": 0},
    {"enum": ["red", "Rome", 5]},
    {"const": 5},
    {"anyOf": [{"type": "null"}, {"type": "integer"}]},
    {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "null"}}}], "type": "object"},
    {
        "$defs": {"node/x": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node~1x"}},
                             "required": []}},
        "type": "object",
        "properties": {"first": {"oneOf": [{"type": "null"}]}, "n": {"type": "integer"}},
        "required": ["first", "n"],
    },
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:50])
async def test_what_it_fills_a_schema_with_is_valid(schema: dict[str, Any]) -> None:
    answer = await say("Go to Rome with 7 friends", response_format=ResponseFormat(schema))
    jsonschema.validate(json.loads(answer.text), schema)


async def test_an_object_of_any_form_has_the_keys_that_the_prompt_quotes() -> None:
    answer = await say("JSON with 'setup' and 'end' keys", response_format=ResponseFormat())
    assert set(json.loads(answer.text)) == {"setup", "end"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#/$defs/none"},
        {"type": "string", "pattern": "^no such word$"},
    ],
)
async def test_what_it_cannot_fill_it_refuses_at_once(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidGeneration) as caught:
        await say("Hello", response_format=ResponseFormat(schema))
    assert caught.value.param == "response_format"


async def test_an_echoed_prompt_comes_first_and_may_be_all() -> None:
    sampling = SamplingParams(logprobs=True)
    request = GenerationRequest("gen_1", "scripted", sampling, prompt="one two", echo=True)
    (whole,) = assemble(await deltas(request), 1)
    assert whole.text == "one twoone two"
    assert [one.logprob is None for one in whole.logprobs] == [True, False, False, False]
    (only,) = assemble(await deltas(request, 0), 1)
    assert (only.text, only.finish_reason) == ("one two", "length")
