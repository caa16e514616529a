"""From items to the engine's messages, and which parameter of Responses an error is about."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from api.errors import ApiError, InvalidRequest
from inference.engines.base import Message, ToolCall
from inference.responses.output import to_json
from inference.schemas.responses.items import Item
from inference.schemas.responses.tools import INPUT

ENGINE_ROLES: Final[dict[str, str]] = {"developer": "system"}  # the others keep their name
CALLS: Final = ("function_call", "custom_tool_call")
OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


def messages_of(instructions: str | None, items: Sequence[Item]) -> tuple[Message, ...]:
    """Raises InvalidRequest: no message at all, an output without its call.

    Reasoning of other servers' models is not shown to ours.
    """
    said = [Message("system", instructions)] if instructions else []
    for item in items:
        kind = item["type"]
        if kind == "message":
            role = str(item["role"])
            said.append(Message(ENGINE_ROLES.get(role, role), _text(item["content"])))
        elif kind in CALLS:
            _add_call(said, item)
        elif kind in OUTPUTS:
            said.append(_output(said, item))
    if not said:
        raise InvalidRequest("There is nothing to answer: 'input' is empty.", param="input")
    return tuple(said)


def _add_call(said: list[Message], item: Item) -> None:
    """Calls belong to the assistant's message before them, or make one without a text."""
    custom = item["type"] == "custom_tool_call"
    arguments = to_json({INPUT: item["input"]}) if custom else item["arguments"]
    call = ToolCall(item["call_id"], item["name"], arguments)
    if said and said[-1].role == "assistant":
        said[-1] = replace(said[-1], tool_calls=(*said[-1].tool_calls, call))
    else:
        said.append(Message("assistant", "", tool_calls=(call,)))


def _output(said: Sequence[Message], item: Item) -> Message:
    call_id, output = item["call_id"], item["output"]
    calls = (call for message in reversed(said) for call in message.tool_calls)
    call = next((call for call in calls if call.id == call_id), None)
    if call is None:
        raise InvalidRequest(
            f"No tool call found for function call output with call_id {call_id[:64]}. Send the "
            "call, too, or name the response that made it as previous_response_id.",
            param="input",
        )
    text = output if isinstance(output, str) else _text(output)
    return Message("tool", text, name=call.name, tool_call_id=call_id)


def _text(parts: Sequence[dict[str, Any]]) -> str:
    return "\n".join(part.get("text") or part.get("refusal") or "" for part in parts)


RENAMED: Final = (
    (r"^messages\b.*", "input"),
    (r"^response_format(\.json_schema)?", "text.format"),
    (r"^(max_completion_tokens|max_tokens)$", "max_output_tokens"),
    (r"^(tools\[\d+\])\.function", r"\1"),
    (r"^tool_choice\.function", "tool_choice"),
    (r"^logprobs$", "top_logprobs"),
)


def in_our_words(failure: ApiError) -> ApiError:
    """Engines know chat completions' parameters; Responses call some of them otherwise."""
    if failure.param is None:
        if failure.error_code == "context_length_exceeded":
            failure.param = "input"
        return failure
    for pattern, name in RENAMED:
        failure.param = re.sub(pattern, name, failure.param)
    return failure
