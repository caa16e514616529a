"""The held-out tool calls, and what the built-in model calls."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.inference.builtin import asking

FIRST, AGAIN = "held_out_calls.json", "held_out_calls_again.json"
"""The second list was drawn when the corpus had been written, and nobody looked at it before."""
_OPEN, _CLOSE = "<tool_call>\n", "\n</tool_call>"


@dataclass(frozen=True)
class Call:
    """A function's name and what it is called with."""

    name: str
    arguments: dict[str, object]


@dataclass(frozen=True)
class HeldOutCall:
    """A prompt with names that the training text never contains, its tools, and the right call."""

    group: str
    prompt: str
    tools: tuple[asking.Tool, ...]
    right: Call


@cache
def held_out_calls(name: str = FIRST) -> tuple[HeldOutCall, ...]:
    """All 200 of a list."""
    written = json.loads(Path(__file__).with_name(name).read_text())
    functions = {key: as_tool(function) for key, function in written["tools"].items()}
    return tuple(
        HeldOutCall(
            each["group"],
            each["prompt"],
            tuple(functions[key] for key in each["tools"]),
            Call(each["name"], each["arguments"]),
        )
        for each in written["calls"]
    )


def as_tool(function: dict[str, object]) -> asking.Tool:
    """A function as a request offers it."""
    return {"type": "function", "function": function}


def weather_tool() -> asking.Tool:
    """`get_weather` with a location and a unit, as the first held-out call is offered it."""
    return held_out_calls()[0].tools[0]


def asked(prompt: str, *tools: asking.Tool) -> str:
    """The conversation in which a user asks one thing, as the model reads it."""
    return asking.rendered([{"role": "user", "content": prompt}], tools)


def calls_of(answer: str) -> list[Call] | None:
    """The calls that an answer consists of; None where it is anything else."""
    if not (answer.startswith(_OPEN) and answer.endswith(_CLOSE)):
        return None
    try:
        written = [
            json.loads(each)
            for each in answer.removeprefix(_OPEN).removesuffix(_CLOSE).split(_CLOSE + "\n" + _OPEN)
        ]
        return [Call(**each) for each in written]
    except (ValueError, TypeError):
        return None
