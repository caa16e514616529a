"""The built-in model calls tools with names that its training text never contained."""

import re

import pytest

from inference.builtin.corpus import reserved
from tests.inference.builtin import asking, calling
from tests.inference.builtin.calling import Call, HeldOutCall

# Just under what the shipped weights reached without a grammar; MODEL_CARD.md has the figures.
LEAST_RIGHT, LEAST_RIGHT_WEATHER = 187, 61


def test_the_model_calls_the_right_function_with_the_right_arguments() -> None:
    # Prompts of like length together: a batch is as long as its longest.
    held_out = sorted(calling.held_out_calls(), key=lambda each: len(str(each.tools)))
    batches = [held_out[start : start + 40] for start in range(0, len(held_out), 40)]
    wrong = [each for batch in batches for each in _answered_wrong(batch)]
    weather = [each for each in wrong if each.startswith("weather")]
    assert len(held_out) == 200
    assert len(held_out) - len(wrong) >= LEAST_RIGHT, "\n".join(wrong)
    assert 62 - len(weather) >= LEAST_RIGHT_WEATHER, "\n".join(weather)


def _answered_wrong(batch: list[HeldOutCall]) -> list[str]:
    prompts = [calling.asked(each.prompt, *each.tools) for each in batch]
    return [
        f"{each.group}: {each.prompt} => {answer}"
        for each, answer in zip(batch, asking.complete(prompts, longest=80), strict=True)
        if calling.calls_of(answer) != [each.right]
    ]


@pytest.mark.parametrize(
    ("tool", "question"),
    [("get_status", "What is the status?"), ("get_server_time", "What is the server time?")],
)
def test_a_tool_without_parameters_is_called_with_none(tool: str, question: str) -> None:
    function: dict[str, object] = {
        "name": tool,
        "description": f"Get the current {tool.removeprefix('get_').replace('_', ' ')}",
        "parameters": {"type": "object", "properties": {}, "required": []},
    }
    answer = asking.complete([calling.asked(question, calling.as_tool(function))])[0]
    assert calling.calls_of(answer) == [Call(tool, {})]


def test_names_and_quoted_words_of_the_calls_are_reserved() -> None:
    names = {each.casefold() for each in reserved.NAMES}
    for each in (*calling.held_out_calls(), *calling.held_out_calls(calling.AGAIN)):
        for value in map(str, each.right.arguments.values()):
            words = re.findall(r"[^\W\d]{3,}", value.casefold())
            if value not in {"celsius", "fahrenheit"}:
                assert (names | reserved.WORDS).issuperset(words), value


@pytest.mark.parametrize(
    "answer",
    [
        '<tool_call>\n{"name": "get_weather", "arguments": {"location": "Porto"}',
        '{"name": "get_weather", "arguments": {"location": "Porto"}}',
        '<tool_call>\n{"name": "get_weather"}\n</tool_call>',
        '<tool_call>\n{"name": "get_weather", "arguments": {"location": "Oporto"}}\n</tool_call>',
        "It is sunny in Porto.",
    ],
)
def test_a_wrong_call_is_judged_wrong(answer: str) -> None:
    assert calling.calls_of(answer) != [Call("get_weather", {"location": "Porto"})]
