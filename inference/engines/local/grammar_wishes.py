"""What a request asks of its answer's form, as bytes: written by the gateway, passed on by the
engine, read by a process of its own (`grammar_process.py`).

Reading a large schema takes ten milliseconds, and the engine's steps would wait for most of them.
"""

import json
from dataclasses import fields
from typing import Any

from inference.engines.base import (
    GenerationRequest,
    InvalidGeneration,
    ResponseFormat,
    SamplingParams,
    Tool,
    ToolChoice,
)
from inference.engines.local.json_schemas import MAX_DEPTH
from inference.engines.local.tool_formats import ToolFormat, grammar_for
from inference.engines.local.tool_formats.rendering import callable_tools

MAX_BYTES = 1 << 20
_TOOL = [field.name for field in fields(Tool)]


def wish_of(request: GenerationRequest) -> bytes:
    """Empty: none. Raises InvalidGeneration."""
    if not (request.response_format or callable_tools(request)):
        return b""
    choice, form = request.tool_choice, request.response_format
    wish = {
        "tools": [{name: getattr(tool, name) for name in _TOOL} for tool in request.tools],
        "choice": [choice.mode, choice.names],
        "parallel": request.parallel_tool_calls,
        "form": form and [form.schema],
    }
    try:
        return json.dumps(wish).encode()
    except RecursionError as error:
        reason = f"it is nested more than {MAX_DEPTH} levels deep"
        raise refusal(reason, param_of(request)) from error


def grammar_of(wish: bytes, form: ToolFormat | None) -> str:
    """Raises InvalidGeneration, RecursionError."""
    request = _request_of(wish)
    grammar = grammar_for(request, form)
    if grammar is None:
        raise ValueError("no form is wished for")
    if len(grammar) > MAX_BYTES:
        raise too_large(param_of(request))
    return grammar


def _request_of(wish: bytes) -> GenerationRequest:
    """Without what is no part of the wish."""
    read: dict[str, Any] = json.loads(wish)
    mode, names = read["choice"]
    return GenerationRequest(
        "",
        "",
        SamplingParams(),
        tools=tuple(Tool(**each) for each in read["tools"]),
        tool_choice=ToolChoice(mode, None if names is None else tuple(names)),
        parallel_tool_calls=read["parallel"],
        response_format=read["form"] and ResponseFormat(*read["form"]),
    )


def refusal(reason: str, param: str) -> InvalidGeneration:
    return InvalidGeneration(f"This JSON schema cannot be enforced: {reason}.", param)


def too_large(param: str) -> InvalidGeneration:
    return InvalidGeneration("The schemas are too large together.", param)


def param_of(request: GenerationRequest) -> str:
    """Where the wish is at fault, as far as is known."""
    return "tools" if request.tools else "response_format"
