"""Simon Willison's llm, with the model described in its own file for OpenAI-compatible servers."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)  # before the import, which reads it

import llm  # type: ignore[import-not-found]  # noqa: E402 - only in the client's own environment
import openai  # noqa: E402 - as above
from pydantic import BaseModel  # noqa: E402 - as above
from scenarios import (  # type: ignore[import-not-found]  # noqa: E402 - beside this file, where it is run
    ASK,
    BASE_URL,
    DESCRIBE,
    KEY,
    MODEL,
    SAY,
    WEATHER,
    WRONG_KEY,
    report,
)

models = [
    {
        "model_id": name, "model_name": name, "api_base": BASE_URL, "api_key_name": "smarter",
        "supports_tools": True, "supports_schema": True,
    }
    for name in (MODEL, "no-such-model")
]  # fmt: skip
(folder / "extra-openai-models.yaml").write_text(json.dumps(models))  # JSON is YAML
model = llm.get_model(MODEL)


class Person(BaseModel):
    name: str
    age: int


def chat() -> dict[str, Any]:
    answer = model.prompt(SAY, key=KEY, stream=False)
    text, usage = answer.text(), answer.usage()
    return {"text": text, "usage": {"prompt": usage.input, "completion": usage.output}}


def stream() -> dict[str, Any]:
    answer = model.prompt(SAY, key=KEY)
    text, usage = "".join(answer), answer.usage()
    return {"text": text, "usage": {"prompt": usage.input, "completion": usage.output}}


def tool() -> dict[str, Any]:
    called: dict[str, Any] = {}

    def get_weather(city: str) -> str:
        """Get the current weather for a city"""
        called.update(name="get_weather", city=city)
        return str(WEATHER)

    text = model.chain(ASK, tools=[get_weather], key=KEY).text()
    return {**called, "text": text}


def structured() -> dict[str, Any]:
    person: dict[str, Any] = json.loads(model.prompt(DESCRIBE, schema=Person, key=KEY).text())
    return person


def missing_model() -> dict[str, Any]:
    try:
        llm.get_model("no-such-model").prompt(SAY, key=KEY).text()
    except openai.NotFoundError as error:
        return {"status": error.status_code}
    return {}


def wrong_key() -> dict[str, Any]:
    try:
        model.prompt(SAY, key=WRONG_KEY).text()
    except openai.AuthenticationError as error:
        return {"status": error.status_code}
    return {}


report(chat, stream, tool, structured, missing_model, wrong_key)
