"""Tools, calls and their results as chat templates take them."""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from inference.engines.base import GenerationRequest, InvalidGeneration, Message, Tool, ToolCall
from inference.engines.local.tool_formats.formats import ToolFormat

Chat = list[dict[str, Any]]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHORT_ID = 9
NO_ARGUMENTS: Mapping[str, Any] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}


def callable_tools(request: GenerationRequest) -> list[tuple[int, Tool]]:
    """The tools that may be called, with their places in the request."""
    if request.tool_choice.mode == "none":
        return []
    names = request.tool_choice.names
    numbered = enumerate(request.tools)
    return [(at, tool) for at, tool in numbered if names is None or tool.name in names]


def rendered_tools(request: GenerationRequest, form: ToolFormat | None) -> Chat | None:
    """What a template gets as `tools`. Raises InvalidGeneration if the model knows none."""
    tools = callable_tools(request)
    if tools and form is None:
        raise no_tools("tools")
    return [_function(tool) for _, tool in tools] or None


def rendered_chat(messages: tuple[Message, ...], form: ToolFormat | None) -> Chat:
    """What a template gets as `messages`. Raises InvalidGeneration if it cannot show calls."""
    if form is None and any(message.tool_calls for message in messages):
        raise no_tools("messages")
    if form and not form.parallel:
        messages = tuple(_one_by_one(messages))
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    short = form is not None and form.short_ids
    return [_shown(message, names, short) for message in messages]


def no_tools(param: str) -> InvalidGeneration:
    return InvalidGeneration(
        "This model cannot call tools: its chat template has no format of calls that is known "
        "here. Leave tools and earlier calls out, or choose another model.",
        param,
    )


def _function(tool: Tool) -> dict[str, Any]:
    # Templates read all three without asking whether they are there.
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": NO_ARGUMENTS,
    }
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _one_by_one(messages: tuple[Message, ...]) -> Iterator[Message]:
    """Several calls of one message as messages of one call each, followed by its result."""
    rest = deque(messages)
    while rest:
        message = rest.popleft()
        if not message.tool_calls[1:]:
            yield message
            continue
        results = list(takewhile(lambda each: each.role == "tool", rest))
        for number, call in enumerate(message.tool_calls):
            content = "" if number else message.content
            yield replace(message, content=content, tool_calls=(call,))
            yield from (each for each in results if each.tool_call_id == call.id)
        ids = {call.id for call in message.tool_calls}
        yield from (each for each in results if each.tool_call_id not in ids)
        for _ in results:
            rest.popleft()


def _shown(message: Message, names: Mapping[str, str], short: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        shown["tool_calls"] = [_call(call, short) for call in message.tool_calls]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = _id(message.tool_call_id, short)
    if name := message.name or names.get(message.tool_call_id or ""):
        shown["name"] = name
    return shown


def _call(call: ToolCall, short: bool) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _arguments(call.arguments)}
    return {"id": _id(call.id, short), "type": "function", "function": function}


def _arguments(text: str) -> object:
    """Templates write objects as JSON themselves; what is none goes in as it is."""
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return arguments if isinstance(arguments, dict) else text


def _id(own: str, short: bool) -> str:
    """Nine letters and digits where the template insists on them: always the same for one id."""
    if not short or (len(own) == _SHORT_ID and own.isascii() and own.isalnum()):
        return own
    number = int.from_bytes(hashlib.sha256(own.encode()).digest())
    return "".join(_DIGITS[number // 62**place % 62] for place in range(_SHORT_ID))
