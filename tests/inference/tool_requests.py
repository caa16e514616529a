"""What tests of tools ask with: two functions, a call, and short ways to write requests."""

from typing import Any

from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.refusals import parse

HELLO = {"role": "user", "content": "Hello"}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALL: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}


def chat(**fields: Any) -> ChatCompletionRequest:
    return parse(ChatCompletionRequest, {"messages": [HELLO], **fields})


def tool(**function: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **function}}


def tools(**function: object) -> dict[str, Any]:
    return {"tools": [tool(), tool(**{"name": "g", **function})]}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    choice = {"mode": mode, "tools": [named(name) for name in names]}
    return {"type": "allowed_tools", "allowed_tools": choice}


def schema(**fields: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": fields}}


def said(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


def answer(call_id: str) -> dict[str, str]:
    return {"role": "tool", "content": "Sunny", "tool_call_id": call_id}
