"""Wrong tools, choices, formats and calls in messages: a refusal names the parameter, quickly."""

import time
from typing import Any

import pytest

from api.errors import InvalidRequest
from tests.inference.tool_requests import (
    CALL,
    CALLED,
    HELLO,
    WEATHER,
    allowed,
    chat,
    named,
    said,
    schema,
    tool,
    tools,
)  # fmt: skip

FUNCTION = "tools[1].function"
SCHEMA = "response_format.json_schema"
REMOTE = {"properties": {"a": [{"$ref": "https://example.com/schema.json"}]}}
LARGE = {"description": "x" * 65_536}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"tools": []}, "tools", "invalid_value"),
    ({"tools": {}}, "tools", "invalid_type"),
    ({"tools": "get_weather"}, "tools", "invalid_type"),
    ({"tools": [tool(name=f"f{i}") for i in range(129)]}, "tools", "invalid_value"),
    ({"tools": [7]}, "tools[0]", "invalid_type"),
    ({"tools": [{}]}, "tools[0].type", "missing_required_parameter"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": {}, "function": {}}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{**tool(), "x": 1}]}, "tools[0].x", "unknown_parameter"),
    (
        {"tools": [{"type": "function", "function": {}}]},
        "tools[0].function.name",
        "missing_required_parameter",
    ),
    (tools(name=""), f"{FUNCTION}.name", "invalid_value"),
    (tools(name="get weather"), f"{FUNCTION}.name", "invalid_value"),
    (tools(name="wetter_für"), f"{FUNCTION}.name", "invalid_value"),
    (tools(name="g\n"), f"{FUNCTION}.name", "invalid_value"),
    (tools(name="x" * 65), f"{FUNCTION}.name", "invalid_value"),
    (tools(name=5), f"{FUNCTION}.name", "invalid_type"),
    (tools(name="f"), f"{FUNCTION}.name", "invalid_value"),
    (tools(description=5), f"{FUNCTION}.description", "invalid_type"),
    (tools(strict="yes"), f"{FUNCTION}.strict", "invalid_type"),
    (tools(x=1), f"{FUNCTION}.x", "unknown_parameter"),
    (tools(parameters=[]), f"{FUNCTION}.parameters", "invalid_type"),
    (tools(parameters="{}"), f"{FUNCTION}.parameters", "invalid_type"),
    (tools(parameters={"type": "string"}), f"{FUNCTION}.parameters", "invalid_value"),
    (tools(parameters=REMOTE), f"{FUNCTION}.parameters", "invalid_value"),
    (tools(parameters=LARGE), f"{FUNCTION}.parameters", "invalid_value"),
    ({"tool_choice": "auto"}, "tool_choice", "invalid_value"),
    ({"tool_choice": named("f")}, "tool_choice", "invalid_value"),
    ({**tools(), "tool_choice": "always"}, "tool_choice", "invalid_value"),
    ({**tools(), "tool_choice": ["auto"]}, "tool_choice", "invalid_value"),
    ({**tools(), "tool_choice": {}}, "tool_choice.type", "missing_required_parameter"),
    ({**tools(), "tool_choice": {"type": "custom"}}, "tool_choice.type", "invalid_value"),
    ({**tools(), "tool_choice": named("h")}, "tool_choice", "invalid_value"),
    ({**tools(), "tool_choice": allowed("auto", "f", "h")}, "tool_choice", "invalid_value"),
    (
        {**tools(), "tool_choice": allowed("none", "f")},
        "tool_choice.allowed_tools.mode",
        "invalid_value",
    ),
    (
        {**tools(), "tool_choice": allowed("auto")},
        "tool_choice.allowed_tools.tools",
        "invalid_value",
    ),
    ({**tools(), "parallel_tool_calls": "no"}, "parallel_tool_calls", "invalid_type"),
    ({"functions": []}, "functions", "invalid_value"),
    ({"functions": [WEATHER, WEATHER]}, "functions[1].name", "invalid_value"),
    ({"functions": [WEATHER], **tools()}, "functions", "invalid_value"),
    ({"function_call": "auto"}, "function_call", "invalid_value"),
    ({"functions": [WEATHER], "function_call": "required"}, "function_call", "invalid_value"),
    ({"functions": [WEATHER], "function_call": {"name": "f"}}, "function_call", "invalid_value"),
    ({"response_format": "json_object"}, "response_format", "invalid_type"),
    ({"response_format": {}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    (
        {"response_format": {"type": "json_object", "schema": {}}},
        "response_format.schema",
        "unknown_parameter",
    ),
    ({"response_format": {"type": "json_schema"}}, SCHEMA, "missing_required_parameter"),
    (schema(schema={}), f"{SCHEMA}.name", "missing_required_parameter"),
    (schema(name="a"), f"{SCHEMA}.schema", "missing_required_parameter"),
    (schema(name="a b", schema={}), f"{SCHEMA}.name", "invalid_value"),
    (schema(name="a", schema=[]), f"{SCHEMA}.schema", "invalid_type"),
    (schema(name="a", schema=REMOTE), f"{SCHEMA}.schema", "invalid_value"),
    (schema(name="a", schema=LARGE), f"{SCHEMA}.schema", "invalid_value"),
    (schema(name="a", schema={}, strict=1), f"{SCHEMA}.strict", "invalid_type"),
    (
        said(HELLO, {"role": "tool", "content": "x", "tool_call_id": "call_1"}),
        "messages[1].role",
        "invalid_value",
    ),
    (
        said(CALLED, {"role": "tool", "content": "x", "tool_call_id": "call_2"}),
        "messages[1].tool_call_id",
        "invalid_value",
    ),
    (
        said({"role": "assistant", "content": None, "tool_calls": []}),
        "messages[0].content",
        "invalid_value",
    ),
    (said({**CALLED, "role": "user", "content": "x"}), "messages[0].tool_calls", "invalid_value"),
    (
        said({**CALLED, "tool_calls": [{**CALL, "id": None}]}),
        "messages[0].tool_calls[0].id",
        "invalid_type",
    ),
    (
        said({**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}),
        "messages[0].tool_calls[0].function.arguments",
        "invalid_type",
    ),
    (
        said({**CALLED, "tool_calls": [{**CALL, "type": "custom"}]}),
        "messages[0].tool_calls[0].type",
        "invalid_value",
    ),
    (
        said({"role": "assistant", "function_call": {"name": "f"}}),
        "messages[0].function_call.arguments",
        "missing_required_parameter",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    assert (caught.value.param, caught.value.error_code) == (param, code)
    assert param in caught.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [7] * 100_000},
        {"tools": [tool()] * 100_000},
        {"tools": [tool(name=str(i), x=1) for i in range(128)]},
        {"tools": [tool(**{str(i): 1 for i in range(100_000)})]},
        {"tools": [tool(parameters={"enum": ["x" * 30] * 100_000})]},
        {"functions": [WEATHER] * 100_000},
        said({**CALLED, "tool_calls": [{}] * 100_000}),
        said(*[{**CALLED, "tool_calls": [CALL] * 120}] * 20, {**CALLED, "role": "king"}),
    ],
)
def test_a_body_full_of_mistakes_is_refused_quickly(fields: dict[str, Any]) -> None:
    start = time.thread_time()
    with pytest.raises(InvalidRequest):
        chat(**fields)
    assert time.thread_time() - start < 0.2


def test_128_tools_with_schemas_are_read_in_ten_milliseconds() -> None:
    properties = {f"p{i}": {"type": "string", "description": "x" * 50} for i in range(10)}
    many = [tool(name=f"f{i}", parameters={"properties": properties}) for i in range(128)]
    best = min(_seconds(many) for _ in range(5))
    assert best < 10e-3


def _seconds(many: list[Any]) -> float:
    """Of the processor: other programs may work on it meanwhile."""
    start = time.thread_time()
    chat(tools=many)
    return time.thread_time() - start
