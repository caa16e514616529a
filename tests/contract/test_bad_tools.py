"""Hostile tools and schemas: a 400 that names the parameter, quickly, while everyone is served."""

import json
import time
from typing import Any

import pytest

from tests.running import Tenant

HELLO = [{"role": "user", "content": "Hello!"}]


def tool(parameters: object, name: str = "f") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def schema(value: object) -> dict[str, Any]:
    form = {"name": "x", "schema": value, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        inner = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return inner


LARGE = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(4000)}}
REMOTE = {"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}}}
NOWHERE = {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}, "required": ["a"]}
REFUSED: dict[str, tuple[dict[str, Any], str | None]] = {
    "a schema of 120 KB": (schema(LARGE), "response_format.json_schema.schema"),
    "arguments of 120 KB": ({"tools": [tool(LARGE)]}, "tools[0].function.parameters"),
    "a remote schema": (schema(REMOTE), "response_format.json_schema.schema"),
    "remote arguments": ({"tools": [tool(REMOTE)]}, "tools[0].function.parameters"),
    "a reference to nothing": (schema(NOWHERE), "response_format"),
    "129 tools": ({"tools": [tool({}, f"f{i}") for i in range(129)]}, "tools"),
    "twins": ({"tools": [tool({}), tool({})]}, "tools[1].function.name"),
    "70 levels": (schema(nested(70)), None),
    "30,000 wrong tools": ({"tools": [7] * 30_000}, "tools"),
    "a tool with 10,000 fields": ({"tools": [{str(i): 1 for i in range(10_000)}]}, "tools[0]"),
    "calls by a user": (
        {"messages": [{"role": "user", "content": "x", "tool_calls": [{}] * 20_000}]},
        "messages[0].tool_calls",
    ),
    "no tool to choose": ({"tool_choice": "required"}, "tool_choice"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("stream", [False, True])
def test_hostile_tools_are_refused_by_name(
    ada: Tenant, bystander: list[float], quick: None, name: str, stream: bool
) -> None:
    fields, param = REFUSED[name]
    body = {"model": "smarter-mini", "messages": HELLO, "stream": stream, **fields}
    raw = json.dumps(body).encode()
    with ada.http() as http:
        answer = http.post("/v1/chat/completions", content=raw)
    assert answer.status_code == 400, answer.text[:300]
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert str(error["param"]).startswith(str(param))
    assert len(error["message"]) < 1000


@pytest.mark.parametrize(
    "hostile",
    [
        schema(nested(14)),
        schema({"anyOf": [nested(depth) for depth in range(10)]}),
        schema({"type": "object", "properties": {"a": {"enum": ["x" * 5] * 5000}}}),
        schema({"type": "string", "pattern": "(a{1,200}){1,200}"}),
        schema({"type": "array", "items": {"$ref": "#"}}),
    ],
    ids=["deep", "wide", "many values", "large pattern", "recursive"],
)
def test_costly_schemas_make_nobody_wait(
    ada: Tenant, bystander: list[float], hostile: dict[str, Any]
) -> None:
    body = {"model": "smarter-mini", "messages": HELLO, "max_tokens": 5, **hostile}
    start = time.monotonic()
    with ada.http() as http:
        answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code in {200, 400}, answer.text[:300]
    assert time.monotonic() - start < 5
