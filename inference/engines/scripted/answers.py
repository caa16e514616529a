"""What to say: the words of the prompt, JSON of the form that was asked for, or calls of tools."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from inference.engines.base import FinishReason, GenerationRequest, Tool, ToolCallDelta
from inference.engines.scripted.hints import Hints
from inference.engines.scripted.instances import any_object, instance
from inference.engines.scripted.script import Script, results

Token = str | ToolCallDelta


def answer(
    request: GenerationRequest, script: Script, max_tokens: int
) -> tuple[Sequence[Token], FinishReason]:
    """One choice's tokens. Raises InvalidGeneration for a schema that no value can be made for."""
    if called := _called(request, script):
        pieces = list(_pieces(called, script))
        cut = len(pieces) > max_tokens
        return pieces[:max_tokens], "length" if cut else "tool_calls"
    tokens = _tokens(request, script, max_tokens)
    cut = script.fill or len(tokens) > max_tokens
    tokens = tokens[:max_tokens]
    text = "".join(tokens)
    found = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
    if found:
        return _shortened(tokens, min(found)), "stop"
    return tokens, "length" if cut else "stop"


def _called(request: GenerationRequest, script: Script) -> list[Tool]:
    """The tools to call, as often as each is to be called."""
    choice = request.tool_choice
    tools = [tool for tool in request.tools if choice.names is None or tool.name in choice.names]
    if not tools or choice.mode == "none":
        return []
    if choice.mode == "auto" and results(request):
        return []
    by_name = {tool.name: tool for tool in tools}
    called = [by_name[name] for name in script.calls if name in by_name]
    if not called and (choice.mode == "required" or script.said.endswith("?")):
        named = [tool for tool in tools if tool.name in script.said]
        called = [max(named, key=lambda tool: len(tool.name)) if named else tools[0]]
    return called if request.parallel_tool_calls else called[:1]


def _pieces(called: Sequence[Tool], script: Script) -> Iterator[ToolCallDelta]:
    """A call begins with its name and goes on with its arguments, word by word."""
    hints = Hints(script.said)
    for place, tool in enumerate(called):
        yield ToolCallDelta(place, "", "", tool.name)
        arguments = {} if tool.parameters is None else instance(tool.parameters, hints, "tools")
        for fragment in re.findall(r"\w+|\W+", _json(arguments)):
            yield ToolCallDelta(place, fragment)


def _tokens(request: GenerationRequest, script: Script, max_tokens: int) -> list[str]:
    """The first bare, the others behind their space; one more than `max_tokens` is enough."""
    answered = [message.content for message in results(request)]
    if form := request.response_format:
        hints = Hints(" ".join((script.said, *answered)))
        if form.schema is None:
            return _split(_json(any_object(hints)))
        return _split(_json(instance(form.schema, hints, "response_format")))
    if answered:
        return _split(f"I was told: {'; '.join(answered)}")
    words = script.words[: max_tokens + 1]
    if script.fill:
        words = tuple(islice(cycle(script.words), max_tokens))
    return [word if i == 0 else f" {word}" for i, word in enumerate(words)]


def _split(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shortened(tokens: Sequence[str], length: int) -> list[str]:
    """The first `length` characters; the token that the stop string begins in still counts."""
    kept: list[str] = []
    for token in tokens:
        kept.append(token[:length])
        length -= len(token)
        if length < 0:
            break
    return kept
