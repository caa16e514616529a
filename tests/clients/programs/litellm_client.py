"""litellm, as an application calls it for an OpenAI-compatible server."""

import json
from typing import Any

import litellm  # type: ignore[import-not-found]  # only in the client's own environment
from scenarios import (  # type: ignore[import-not-found]  # beside this file, where it is run
    ASK,
    BASE_URL,
    CITY_SCHEMA,
    DESCRIBE,
    DESCRIPTION,
    KEY,
    MODEL,
    SAY,
    WEATHER,
    WRONG_KEY,
    counted,
    report,
    user,
)

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather", "description": DESCRIPTION, "parameters": CITY_SCHEMA,
        },
    }
]  # fmt: skip
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "person", "schema": PERSON, "strict": True},
}


def complete(messages: Any, model: str = MODEL, key: str = KEY, **options: Any) -> Any:
    return litellm.completion(
        model=f"openai/{model}", api_base=BASE_URL, api_key=key, messages=messages, **options
    )


def chat() -> dict[str, Any]:
    answer = complete(user(SAY))
    return {"text": answer.choices[0].message.content, "usage": counted(answer.usage)}


def stream() -> dict[str, Any]:
    chunks = list(complete(user(SAY), stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks, messages=user(SAY))
    return {"text": whole.choices[0].message.content, "usage": counted(whole.usage)}


def tool() -> dict[str, Any]:
    message = complete(user(ASK), tools=TOOLS).choices[0].message
    (call,) = message.tool_calls
    told = {"role": "tool", "tool_call_id": call.id, "content": WEATHER}
    answer = complete([*user(ASK), message, told], tools=TOOLS)
    return {
        "name": call.function.name,
        "city": json.loads(call.function.arguments)["city"],
        "text": answer.choices[0].message.content,
    }


def structured() -> dict[str, Any]:
    answer = complete(user(DESCRIBE), response_format=FORMAT)
    person: dict[str, Any] = json.loads(answer.choices[0].message.content)
    return person


def missing_model() -> dict[str, Any]:
    try:
        complete(user(SAY), model="no-such-model")
    except litellm.NotFoundError as error:
        return {"status": error.status_code}
    return {}


def wrong_key() -> dict[str, Any]:
    try:
        complete(user(SAY), key=WRONG_KEY)
    except litellm.AuthenticationError as error:
        return {"status": error.status_code}
    return {}


report(chat, stream, tool, structured, missing_model, wrong_key)
