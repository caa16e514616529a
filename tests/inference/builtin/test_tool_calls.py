"""The built-in model copies names that its training text never contained into tool calls."""

import json

import pytest

from inference.builtin.corpus import reserved
from tests.inference.builtin import asking

LEAST_RIGHT = 58  # of 60; just under what the shipped weights reached, see MODEL_CARD.md

ASKED = (
    "What's the weather in {}?",
    "What is the weather like in {}?",
    "Tell me the weather in {}.",
)
LOCATION = {"type": "string", "description": "City name, e.g., San Francisco"}
SCHEMAS: tuple[dict[str, object], ...] = (
    {"type": "object", "properties": {"location": LOCATION}, "required": ["location"]},
    {},
)


def _tool(parameters: dict[str, object]) -> asking.Tool:
    described = {"name": "get_weather", "description": "Get the current weather for a location"}
    return {"type": "function", "function": {**described, "parameters": parameters}}


def test_the_model_calls_a_tool_with_names_it_never_saw() -> None:
    names = sorted(reserved.NAMES)
    prompts = [
        asking.rendered(
            [{"role": "user", "content": ASKED[place % 3].format(name)}],
            [_tool(SCHEMAS[place % 2])],
        )
        for place, name in enumerate(names)
    ]
    wrong = [
        f"{name}: {answer}"
        for name, answer in zip(names, asking.complete(prompts, longest=64), strict=True)
        if not _calls_with(name, answer)
    ]
    assert len(names) == 60
    assert len(names) - len(wrong) >= LEAST_RIGHT, "\n".join(wrong)


def _calls_with(name: str, answer: str) -> bool:
    try:
        call = json.loads(answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"))
    except ValueError:
        return False
    return bool(call == {"name": "get_weather", "arguments": {"location": name}})


@pytest.mark.parametrize(
    ("tool", "question"),
    [("get_status", "What is the status?"), ("get_server_time", "What is the server time?")],
)
def test_a_tool_without_parameters_is_called_with_none(tool: str, question: str) -> None:
    function = {
        "name": tool,
        "description": f"Get the current {tool.removeprefix('get_').replace('_', ' ')}",
        "parameters": {"type": "object", "properties": {}, "required": []},
    }
    answer = asking.ask(
        {"role": "user", "content": question}, tools=[{"type": "function", "function": function}]
    )
    call = answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
    assert json.loads(call) == {"name": tool, "arguments": {}}
