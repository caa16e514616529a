"""From a generation request to the body of POST /chat/completions or /completions."""

import json
from collections.abc import Mapping
from typing import Any

from inference.engines.base import (
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
    Tool,
    ToolCall,
    ToolChoice,
)
from inference.engines.remote.address import RemoteAddress

_DEFAULTS = SamplingParams()
_ALWAYS = ("temperature", "top_p", "n")
_WHEN_SET = (  # servers that do not know them meet them only when somebody asks for them
    "presence_penalty", "frequency_penalty", "top_k", "min_p", "repetition_penalty", "seed",
    "ignore_eos",
)  # fmt: skip


def refuse_unknown(request: GenerationRequest) -> None:
    """What these servers cannot be asked for, or would pass over in silence."""
    if request.adapter:
        raise InvalidGeneration("Adapters are served by this platform's own engines.", "model")
    if request.echo:
        raise InvalidGeneration("This model does not give prompts back.", "echo")
    if request.tools:
        _choice(request.tool_choice)


def path(request: GenerationRequest) -> str:
    return "/completions" if request.prompt is not None else "/chat/completions"


def body(request: GenerationRequest, address: RemoteAddress, max_tokens: int) -> dict[str, Any]:
    options: dict[str, Any] = {"include_usage": True}
    if address.usage_each:
        options["continuous_usage_stats"] = True
    return {
        "model": address.model or request.model,
        **said(request),
        **_sampling(request.sampling, in_chat=request.prompt is None),
        **_form(request),
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": options,
    }


def encoded(words: Mapping[str, Any]) -> bytes:
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()


def said(request: GenerationRequest) -> dict[str, Any]:
    """The words that become the prompt."""
    if request.prompt is not None:
        prompt = request.prompt if isinstance(request.prompt, str) else list(request.prompt)
        return {"prompt": prompt, **({"suffix": request.suffix} if request.suffix else {})}
    tools = {"tools": [_tool(tool) for tool in request.tools]} if request.tools else {}
    return {"messages": [_message(message) for message in request.messages], **tools}


def _sampling(sampling: SamplingParams, *, in_chat: bool) -> dict[str, Any]:
    asked = {name: getattr(sampling, name) for name in _ALWAYS}
    for name in _WHEN_SET:
        if (value := getattr(sampling, name)) != getattr(_DEFAULTS, name):
            asked[name] = value
    if sampling.stop:
        asked["stop"] = list(sampling.stop)
    if sampling.logit_bias:
        asked["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.logprobs and in_chat:
        asked |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    elif sampling.logprobs:
        asked["logprobs"] = sampling.top_logprobs
    return asked


def _form(request: GenerationRequest) -> dict[str, Any]:
    """What the answer has to look like: calls, JSON."""
    asked: dict[str, Any] = {}
    if request.tools:
        asked["tool_choice"] = _choice(request.tool_choice)
        if not request.parallel_tool_calls:
            asked["parallel_tool_calls"] = False
    if (form := request.response_format) is not None:
        asked["response_format"] = {"type": "json_object"}
        if form.schema is not None:
            described = {"name": "answer", "schema": dict(form.schema), "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": described}
    return asked


def _choice(choice: ToolChoice) -> Any:
    if choice.names is None or choice.mode == "none":
        return choice.mode
    if len(choice.names) == 1 and choice.mode == "required":
        return {"type": "function", "function": {"name": choice.names[0]}}
    raise InvalidGeneration("This model can be bound to one tool, or to none.", "tool_choice")


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        said["name"] = message.name
    if message.tool_calls:
        said["tool_calls"] = [_call(call) for call in message.tool_calls]
        said["content"] = message.content or None
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = dict(tool.parameters)
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}
