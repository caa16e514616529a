"""What a model may write where tools, or a form of the answer, are asked for: llguidance's Lark."""

import json
import re
from collections.abc import Iterator

from inference.engines.base import GenerationRequest, InvalidGeneration, Tool
from inference.engines.local.json_schemas import json_rule
from inference.engines.local.tool_formats.formats import ID, ToolFormat
from inference.engines.local.tool_formats.rendering import NO_ARGUMENTS, callable_tools, no_tools

_ANYTHING = "/(?s:.*)/"


def grammar_for(request: GenerationRequest, form: ToolFormat | None) -> str | None:
    """None: the model may write what it likes. Raises InvalidGeneration."""
    answer = None
    if request.response_format:
        answer = json_rule(request.response_format.schema, "response_format")
    tools = callable_tools(request)
    if not tools:
        return answer and f"start: {answer}"
    if form is None:
        raise no_tools("tools")
    calls = _calls(form, tools, several=request.parallel_tool_calls and form.parallel)
    if request.tool_choice.mode == "required":
        return "\n".join([*_required(form), *calls])
    if answer is None:
        return "\n".join([*_in_text(form), *calls])
    if form.bare:
        calls = _whole_calls(form, tools)
    return "\n".join([*_beside(form, answer), *calls])


def _required(form: ToolFormat) -> Iterator[str]:
    trigger = _written(form, form.trigger)
    if form.bare and trigger:
        trigger = f"({trigger})?"
    yield f"start: {trigger} calls"


def _beside(form: ToolFormat, answer: str) -> Iterator[str]:
    """An answer in a form, or calls."""
    trigger = _written(form, form.trigger)
    begins = ["calls"] if form.bare else []
    begins += [f"{trigger} calls"] if trigger else []
    yield f"start: {' | '.join(['answer', *begins])}"
    yield f"answer: {answer}"


def _in_text(form: ToolFormat) -> Iterator[str]:
    """Any text, at its end calls."""
    begins = ["calls"] if form.bare else []
    if form.trigger in form.tokens:
        trigger = _written(form, form.trigger)
        begins += [f"{trigger} calls", f"TEXT {trigger} calls"]
    if not form.bare:  # where it is a token, a model may still spell it
        begins.append("spelled calls")
        yield f"spelled[lazy]: TEXT {json.dumps(form.trigger)}"
    yield f"start: {' | '.join(['TEXT', *begins])}"
    yield f"TEXT: {_ANYTHING}{_no_call(form)}"


def _no_call(form: ToolFormat) -> str:
    """What begins as a call does is one."""
    if not form.bare:
        return ""
    words = (re.findall(r'"\w+"|\S', before) for before in form.before)
    begins = "|".join(r"\s*".join(map(re.escape, each)) for each in words)
    return f" & ~/({begins})(?s:.*)/"


def _calls(form: ToolFormat, tools: list[tuple[int, Tool]], *, several: bool) -> Iterator[str]:
    """From behind the trigger to the end of the last call."""
    trigger = "" if form.bare else form.trigger
    heads = (f"{form.opening}{each}".removeprefix(trigger) for each in form.before)
    first = _one_of(form, *heads)
    after = _one_of(form, *form.after)
    again = _one_of(form, *(form.between + each for each in form.before))
    more = f"({again} call {after})*" if several else ""
    yield f"calls: {first} call {after} {more} {_written(form, form.closing)}"
    middle = _one_of(form, *form.middle)
    yield "call: " + " | ".join(
        f"{json.dumps(tool.name)} {middle} arguments_{place}" for place, tool in tools
    )
    for place, tool in tools:
        yield f"arguments_{place}: {_arguments(place, tool)}"


def _whole_calls(form: ToolFormat, tools: list[tuple[int, Tool]]) -> Iterator[str]:
    """Each call one JSON value: beside another that begins alike, no literal is told from it."""
    (key,) = re.findall(r"\w+", form.middle[0])
    yield "calls: " + " | ".join(f"call_{place}" for place, _ in tools)
    for place, tool in tools:
        # Inside another schema its references begin further up.
        rule = _arguments(place, tool).replace('"$ref": "#', f'"$ref": "#/properties/{key}')
        arguments = json.loads(rule.removeprefix("%json"))
        call = {
            "type": "object",
            "properties": {"name": {"const": tool.name}, key: arguments},
            "required": ["name", key],
            "additionalProperties": False,
            "x-guidance": arguments.pop("x-guidance"),
        }
        yield f"call_{place}: %json {json.dumps(call, ensure_ascii=False)}"


def _arguments(place: int, tool: Tool) -> str:
    """Those of a tool that is not strict fit as far as that can be had."""
    param = f"tools[{place}].function.parameters"
    schema = NO_ARGUMENTS if tool.parameters is None else {"type": "object", **tool.parameters}
    try:
        rule = json_rule(schema, param)
    except InvalidGeneration:
        if tool.strict:
            raise
        return json_rule(None, param)
    if tool.strict:
        return rule
    lenient = json.loads(rule.removeprefix("%json"))
    lenient["x-guidance"]["lenient"] = True
    return f"%json {json.dumps(lenient, ensure_ascii=False)}"


def _one_of(form: ToolFormat, *texts: str) -> str:
    written = [_written(form, text) for text in texts]
    return f"({' | '.join(written)})" if len(written) > 1 else written[0]


def _written(form: ToolFormat, text: str) -> str:
    """The text as literals and tokens, in sequence."""
    marks = "|".join(map(re.escape, [*form.tokens, ID]))
    pieces = filter(None, re.split(f"({marks})", text))
    return " ".join(_piece(form, each) for each in pieces)


def _piece(form: ToolFormat, piece: str) -> str:
    if piece == ID:
        return "/[a-zA-Z0-9]{9}/"
    return f"<[{form.tokens[piece]}]>" if piece in form.tokens else json.dumps(piece)
