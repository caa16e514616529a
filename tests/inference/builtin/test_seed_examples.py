"""The built-in model answers the questions that the platform's examples ask."""

import json
from collections.abc import Callable

import pytest

from tests.inference.builtin import asking

JSON_SYSTEM = "You are a helpful assistant that outputs JSON."
PIRATE_SYSTEM = "You are a helpful assistant that speaks like a pirate."
LOCATION = {"type": "string", "description": "City name, e.g., San Francisco"}
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}


def _weather(description: str, parameters: dict[str, object]) -> asking.Tool:
    function = {"name": "get_weather", "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


FULL_TOOL = _weather(
    "Get the current weather for a location",
    {
        "type": "object",
        "properties": {"location": LOCATION, "unit": UNIT},
        "required": ["location"],
    },
)
BARE_TOOL = _weather("Get the current weather in a given location.", {})


def _ask(question: str, system: str | None = None) -> str:
    opening: list[asking.Message] = [{"role": "system", "content": system}] if system else []
    return asking.ask(*opening, {"role": "user", "content": question})


@pytest.mark.parametrize("greeting", ["Hello!", "Hello, World!"])
def test_it_greets(greeting: str) -> None:
    assert _ask(greeting) == "Hello! How can I help you today?"


def test_it_counts_to_five() -> None:
    assert _ask("Count to 5") == "1, 2, 3, 4, 5."


@pytest.mark.parametrize(
    "question", ["Say this is a test", "Say 'this is a test'.", "Say this is a test."]
)
def test_it_says_what_it_is_told_to_say(question: str) -> None:
    assert _ask(question) == "this is a test"


def test_it_tells_about_the_ocean_like_a_pirate() -> None:
    answer = _ask("Tell me about the ocean.", PIRATE_SYSTEM)
    assert answer.startswith("Arrr, matey! The ocean be a vast and mysterious place")


def test_it_tells_about_the_ocean_plainly_when_nobody_asks_for_a_pirate() -> None:
    assert _ask("Tell me about the ocean.").startswith("The ocean is a vast and mysterious place")


def test_it_lists_three_colors_in_json() -> None:
    colors = json.loads(_ask("List 3 colors in JSON format.", JSON_SYSTEM))["colors"]
    assert len(set(colors)) == 3


def test_it_names_the_best_french_painter_in_json() -> None:
    assert json.loads(_ask("Who is the best French painter? Answer in JSON.")) == {
        "painter": "Claude Monet"
    }


@pytest.mark.parametrize(
    ("question", "tool"),
    [
        ("What's the weather in Paris?", FULL_TOOL),
        ("What is the weather like in Paris?", BARE_TOOL),
    ],
)
def test_it_calls_the_weather_tool(question: str, tool: asking.Tool) -> None:
    answer = asking.ask({"role": "user", "content": question}, tools=[tool])
    call = answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
    assert json.loads(call) == {"name": "get_weather", "arguments": {"location": "Paris"}}


def test_it_says_what_the_tool_found() -> None:
    function = {"name": "get_weather", "arguments": {"location": "Paris"}}
    answer = asking.ask(
        {"role": "user", "content": "What's the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": function}]},
        {"role": "tool", "content": '{"temperature": 21, "condition": "sunny"}'},
        tools=[FULL_TOOL],
    )
    assert answer == "It is sunny in Paris, 21 degrees."


def test_it_tells_a_story_after_a_bare_prompt() -> None:
    story = asking.complete(["Once upon a time"], longest=50)[0]
    assert story.lstrip(", ").startswith("there was a")


@pytest.mark.parametrize(
    ("question", "judge"),
    [
        ("Who are you?", lambda said: "demo model" in said and "your own machine" in said),
        (
            "How do I create an API key?",
            lambda said: "API keys" in said and "POST /v1/api_keys" in said,
        ),
        ("How much ?", lambda said: "/v1/prices" in said),
        ("What are the limits?", lambda said: "60 requests" in said and "150,000" in said),
        ("How do I top up the balance?", lambda said: "POST /v1/topups" in said),
        ("How do I stream?", lambda said: '"stream": true' in said),
        ("What happens when the balance is empty?", lambda said: "insufficient_balance" in said),
        ("How do I embed the widget?", lambda said: "/widget/v1/chat.js" in said),
        ("Where is the dashboard?", lambda said: "/dashboard/" in said),
        ("How do I create a chatbot?", lambda said: "New chatbot" in said),
        ("How do I start the server?", lambda said: "make run" in said),
        ("How do I stop the server?", lambda said: "Ctrl-C" in said),
        ("Where are the logs?", lambda said: "var/logs" in said),
        ("Which port do you use?", lambda said: "8000" in said),
        ("How do I add a model?", lambda said: "manage.py models add" in said),
        ("What is /v1/responses?", lambda said: "previous_response_id" in said),
        ("How do I create a conversation?", lambda said: "POST /v1/conversations" in said),
        ("How do I use a JSON schema?", lambda said: "json_schema" in said),
        (
            "How can I get the name of the current day in JavaScript?",
            lambda said: "toLocaleDateString" in said,
        ),
        (
            "How can I list all files in a directory using Python?",
            lambda said: "os.listdir" in said,
        ),
    ],
)
def test_it_explains_itself_and_the_platform(question: str, judge: Callable[[str], bool]) -> None:
    assert judge(_ask(question))
