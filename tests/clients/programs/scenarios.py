"""What every client is asked to do, and how its program tells what came of it: one JSON object.

Runs in the environments of the clients, so it imports nothing but the standard library.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

MODEL = "scripted"
KEY = os.environ["OPENAI_API_KEY"]
BASE_URL = os.environ["OPENAI_BASE_URL"]
WRONG_KEY = "sk-" + "x" * 42

SAY = "one two three"  # the scripted model says it again
ASK = "What is the weather in Paris?"  # a question, with tools: it calls one
DESCRIBE = "Ada is 36"  # with a schema: an instance of it
DESCRIPTION = "Get the current weather for a city"
WEATHER = "21 degrees"
CITY_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
Scenario = Callable[[], dict[str, Any]]


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def counted(usage: Any) -> dict[str, int]:
    return {"prompt": usage.prompt_tokens, "completion": usage.completion_tokens}


def report(*scenarios: Scenario) -> None:
    """Do them all, whatever fails, and print the results by name."""
    sys.stdout.write(json.dumps({scenario.__name__: _result(scenario) for scenario in scenarios}))


def _result(scenario: Scenario) -> dict[str, Any]:
    try:
        return scenario()
    except Exception:  # noqa: BLE001 - whatever a client raises is this scenario's result
        return {"failed": traceback.format_exc()}
