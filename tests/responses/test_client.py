"""The vendor's client on Responses, sync and async, against the running server."""

import asyncio
import time
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

from tests.running import Server, Tenant

GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
MINI, SCRIPTED = "smarter-mini", "scripted-responder"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module")
def live(server: Server) -> Server:
    server.manage(
        *("models", "add", SCRIPTED, "--engine", "scripted:"),
        *("--input-price", "1", "--output-price", "2", "--context", "8192"),
    )
    return server


@pytest.fixture(scope="module")
def tenant(live: Server) -> Tenant:
    return live.tenant("Responders", credit="5.00", **GENEROUS)


@pytest.fixture(scope="module")
def client(tenant: Tenant) -> openai.OpenAI:
    return tenant.client()


@pytest.mark.parametrize("model", [MINI, SCRIPTED])
def test_create_stream_and_helper_say_the_same(client: openai.OpenAI, model: str) -> None:
    asked: Any = {"model": model, "input": "Hello!", "temperature": 0, "max_output_tokens": 40}
    whole = client.responses.create(**asked)
    assert whole.output_text
    assert whole.usage
    assert whole.usage.input_tokens_details.cache_write_tokens == 0
    events = list(client.responses.create(stream=True, **asked))
    assert events[0].type == "response.created"
    last: Any = events[-1]
    assert (last.type, last.response.output_text) == ("response.completed", whole.output_text)
    with client.responses.stream(**asked) as stream:
        told: list[Any] = [event for event in stream if event.type.endswith("text.delta")]
        final = stream.get_final_response()
    assert told[-1].snapshot == final.output_text == whole.output_text


async def test_the_asynchronous_client_streams_without_hanging(tenant: Tenant) -> None:
    async with (
        asyncio.timeout(30),
        tenant.async_client() as client,
        client.responses.stream(model=MINI, input="Hello!") as stream,
    ):
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds[-1] == "response.completed"
    assert final.output_text


def test_the_raw_answer_has_its_headers_and_its_exact_cost(
    tenant: Tenant, client: openai.OpenAI
) -> None:
    before = tenant.balance_nano()
    raw = client.responses.with_raw_response.create(model=SCRIPTED, input="one two three")
    response = raw.parse()
    assert raw.headers["x-request-id"].startswith("req_")
    usage: Any = response.usage
    assert usage.cost == raw.headers["x-request-cost"] == "0.000009"
    assert before - tenant.balance_nano() == 9000
    again = client.responses.retrieve(response.id)
    assert again.to_dict() == response.to_dict()


def test_an_agent_calls_a_tool_and_reads_its_answer(client: openai.OpenAI) -> None:
    first = client.responses.create(
        model=SCRIPTED, input='What is the weather in "Kyoto"?', tools=[WEATHER]
    )
    (call,) = first.output
    assert isinstance(call, ResponseFunctionToolCall)
    assert call.arguments == '{"city": "Kyoto"}'
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
    second = client.responses.create(
        model=SCRIPTED, previous_response_id=first.id, input=[output], tools=[WEATHER]
    )
    assert "18 degrees" in second.output_text
    history: Any = [{"role": "user", "content": "Weather?"}, *first.output, output]
    by_hand = client.responses.create(model=SCRIPTED, input=history, tools=[WEATHER], store=False)
    assert "18 degrees" in by_hand.output_text


def test_the_built_in_model_calls_a_tool_in_a_stream(client: openai.OpenAI) -> None:
    asked: Any = {
        "model": MINI,
        "input": "What is the weather in Paris?",
        "tools": [WEATHER],
        "tool_choice": "required",
        "temperature": 0,
    }
    with client.responses.stream(**asked) as stream:
        final = stream.get_final_response()
    call: Any = final.output[0]
    assert (call.type, call.name) == ("function_call", "get_weather")
    assert '"city"' in call.arguments


@pytest.mark.parametrize("model", [MINI, SCRIPTED])
def test_parse_gives_an_object_of_the_schema(client: openai.OpenAI, model: str) -> None:
    asked: Any = {"model": model, "input": "Ben is 42 years old.", "text_format": Person}
    person = client.responses.parse(max_output_tokens=200, temperature=0, **asked).output_parsed
    assert isinstance(person, Person)
    with client.responses.stream(max_output_tokens=200, temperature=0, **asked) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Person)


def test_a_background_stream_is_resumed_by_the_helper(client: openai.OpenAI) -> None:
    asked: Any = {"model": SCRIPTED, "input": "#words=60 #pace=5", "background": True}
    seen: list[Any] = []
    with client.responses.stream(**asked) as stream:
        for event in stream:
            seen.append(event)
            if len(seen) == 9:
                break
    response_id, after = seen[0].response.id, seen[-1].sequence_number
    with client.responses.stream(response_id=response_id, starting_after=after) as stream:
        rest = list(stream)
        final = stream.get_final_response()
    assert rest[0].sequence_number == after + 1
    text = "".join(e.delta for e in seen + rest if e.type == "response.output_text.delta")
    assert text == final.output_text
    assert len(text.split()) == 60


def test_a_background_response_is_polled_and_cancelled(client: openai.OpenAI) -> None:
    asked: Any = {"model": SCRIPTED, "background": True}
    response = client.responses.create(input="#words=20 #pace=5", **asked)
    end = time.monotonic() + 20
    while response.status in {"queued", "in_progress"} and time.monotonic() < end:
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    assert (response.status, len(response.output_text.split())) == ("completed", 20)
    long = client.responses.create(input="#words=900 #pace=10", **asked)
    assert client.responses.cancel(long.id).status == "cancelled"
    assert client.responses.cancel(long.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(client.responses.create(model=SCRIPTED, input="a").id)


def test_failures_come_as_the_clients_own_exceptions(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.responses.create(model="nobody", input="a", stream=True)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=SCRIPTED, input="a", tools=[{"type": "web_search"}])
    assert refused.value.param == "tools[0].type"
    with pytest.raises(openai.BadRequestError) as gone:
        client.responses.create(model=SCRIPTED, input="a", previous_response_id="resp_x")
    assert gone.value.code == "previous_response_not_found"
    events = list(client.responses.create(model=SCRIPTED, input="#words=4 #fail=2", stream=True))
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
