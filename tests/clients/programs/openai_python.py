"""The openai package, of either generation: chat, Responses, conversations."""

import json
from typing import Any

import openai
from pydantic import BaseModel
from scenarios import (  # type: ignore[import-not-found]  # beside this file, where it is run
    ASK,
    CITY_SCHEMA,
    DESCRIBE,
    DESCRIPTION,
    MODEL,
    SAY,
    WEATHER,
    WRONG_KEY,
    counted,
    report,
    user,
)

client = openai.OpenAI()
FUNCTION = {
    "name": "get_weather",
    "description": DESCRIPTION,
    "parameters": CITY_SCHEMA,
    "strict": True,
}


class Person(BaseModel):
    name: str
    age: int


def chat() -> dict[str, Any]:
    answer = client.chat.completions.create(model=MODEL, messages=user(SAY))
    return {"text": answer.choices[0].message.content, "usage": counted(answer.usage)}


def stream() -> dict[str, Any]:
    with client.chat.completions.stream(
        model=MODEL, messages=user(SAY), stream_options={"include_usage": True}
    ) as events:
        deltas = [event.delta for event in events if event.type == "content.delta"]
        final = events.get_final_completion()
    return {"text": "".join(deltas), "usage": counted(final.usage)}


def tool() -> dict[str, Any]:
    tools: Any = [{"type": "function", "function": FUNCTION}]
    messages: Any = user(ASK)
    with client.chat.completions.stream(model=MODEL, messages=messages, tools=tools) as events:
        message = events.get_final_completion().choices[0].message
    assert message.tool_calls, message
    call = message.tool_calls[0]
    told = {"role": "tool", "tool_call_id": call.id, "content": WEATHER}
    messages += [message, told]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=tools)
    arguments = json.loads(call.function.arguments)
    return {
        "name": call.function.name,
        "city": arguments["city"],
        "text": answer.choices[0].message.content,
    }


def structured() -> dict[str, Any]:
    answer = client.chat.completions.parse(
        model=MODEL, messages=user(DESCRIBE), response_format=Person
    )
    person = answer.choices[0].message.parsed
    assert person is not None
    return person.model_dump()


def missing_model() -> dict[str, Any]:
    try:
        client.chat.completions.create(model="no-such-model", messages=user(SAY))
    except openai.NotFoundError as error:
        return {"status": error.status_code, "code": error.code, "id": error.request_id}
    return {}


def wrong_key() -> dict[str, Any]:
    try:
        client.with_options(api_key=WRONG_KEY).models.list()
    except openai.AuthenticationError as error:
        return {"status": error.status_code, "code": error.code}
    return {}


def responses() -> dict[str, Any]:
    first = client.responses.create(model=MODEL, input=SAY)
    with client.responses.stream(
        model=MODEL, input="four five", previous_response_id=first.id
    ) as events:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        second = events.get_final_response()
    found = client.responses.retrieve(first.id)
    client.responses.delete(first.id)
    return {
        "text": first.output_text,
        "streamed": "".join(deltas),
        "continued": second.previous_response_id == first.id,
        "kept": found.output_text,
        "usage": first.usage.model_dump() if first.usage else {},
    }


def response_tool() -> dict[str, Any]:
    tools: Any = [{"type": "function", **FUNCTION}]
    asked = client.responses.create(model=MODEL, input=ASK, tools=tools)
    (call,) = [item for item in asked.output if item.type == "function_call"]
    told: Any = {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
    answer = client.responses.create(
        model=MODEL, input=[told], previous_response_id=asked.id, tools=tools
    )
    return {
        "name": call.name,
        "city": json.loads(call.arguments)["city"],
        "text": answer.output_text,
    }


def response_structured() -> dict[str, Any]:
    person = client.responses.parse(model=MODEL, input=DESCRIBE, text_format=Person).output_parsed
    assert person is not None
    return person.model_dump()


def conversations() -> dict[str, Any]:
    made = client.conversations.create(metadata={"topic": "numbers"})
    client.responses.create(model=MODEL, input=SAY, conversation=made.id)
    items = list(client.conversations.items.list(made.id, order="asc"))
    topic = (client.conversations.retrieve(made.id).metadata or {})["topic"]  # type: ignore[index]  # typed as object
    client.conversations.delete(made.id)
    return {"kinds": [item.type for item in items], "topic": topic}


report(
    chat, stream, tool, structured, missing_model, wrong_key,
    responses, response_tool, response_structured, conversations,
)  # fmt: skip
