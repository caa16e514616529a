"""instructor over the openai package: typed answers by tool call and by JSON schema."""

from typing import Any

import instructor  # type: ignore[import-not-found]  # only in the client's own environment
import openai
from instructor.core import InstructorRetryException  # type: ignore[import-not-found]  # as above
from pydantic import BaseModel
from scenarios import (  # type: ignore[import-not-found]  # beside this file, where it is run
    ASK,
    DESCRIBE,
    MODEL,
    SAY,
    WRONG_KEY,
    counted,
    report,
    user,
)

by_tool = instructor.from_openai(openai.OpenAI())
by_schema = instructor.from_openai(openai.OpenAI(), mode=instructor.Mode.JSON_SCHEMA)


class Person(BaseModel):
    name: str
    age: int


class Weather(BaseModel):
    """Get the current weather for a city"""

    city: str


def chat() -> dict[str, Any]:
    answer = by_tool.chat.completions.create(model=MODEL, messages=user(SAY), response_model=None)
    return {"text": answer.choices[0].message.content, "usage": counted(answer.usage)}


def stream() -> dict[str, Any]:
    ages = [
        person.age
        for person in by_schema.chat.completions.create_partial(
            model=MODEL, messages=user(DESCRIBE), response_model=Person
        )
    ]
    return {"text": SAY if isinstance(ages[-1], int) else f"{ages}"}


def tool() -> dict[str, Any]:
    weather = by_tool.chat.completions.create(
        model=MODEL, messages=user(ASK), response_model=Weather
    )
    return {"name": "get_weather", "city": weather.city}


def structured() -> dict[str, Any]:
    person: dict[str, Any] = by_schema.chat.completions.create(
        model=MODEL, messages=user(DESCRIBE), response_model=Person
    ).model_dump()
    return person


def missing_model() -> dict[str, Any]:
    try:
        by_tool.chat.completions.create(
            model="no-such-model", messages=user(DESCRIBE), response_model=Person, max_retries=1
        )
    except InstructorRetryException as error:
        cause = error.__cause__
        return {"status": cause.status_code if isinstance(cause, openai.APIStatusError) else None}
    return {}


def wrong_key() -> dict[str, Any]:
    stranger = instructor.from_openai(openai.OpenAI(api_key=WRONG_KEY))
    try:
        stranger.chat.completions.create(model=MODEL, messages=user(SAY), response_model=None)
    except openai.AuthenticationError as error:
        return {"status": error.status_code}
    return {}


report(chat, stream, tool, structured, missing_model, wrong_key)
