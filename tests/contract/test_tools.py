"""The real openai client with tools and schemas: loops, helpers, parallel calls, sync and async."""

import asyncio
import json
from typing import Any, Literal

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamEvent
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

from tests.running import Server, Tenant

MODEL = "scripted-caller"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": CITY, "strict": True},
}
TIME: Any = {"type": "function", "function": {"name": "get_time", "parameters": CITY}}
ONLY_TIME: Any = {"type": "function", "function": {"name": "get_time"}}
QUESTION = "What is the weather in Paris?"


class Step(BaseModel):
    number: int
    done: bool


class Plan(BaseModel):
    city: str
    kind: Literal["trip", "move"]
    steps: list[Step]
    note: str | None = None


@pytest.fixture(scope="module")
def caller(server: Server, ada: Tenant) -> Tenant:
    """Ada, while there is a model that calls tools as its prompt says."""
    server.manage(
        *("models", "add", MODEL, "--engine", "scripted:"),
        *("--input-price", "1", "--output-price", "2", "--context", "8192"),
    )
    return ada


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def function_call(call: object) -> ChatCompletionMessageFunctionToolCall:
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    return call


def test_a_tool_loop_ends_with_an_answer_that_quotes_the_result(caller: Tenant) -> None:
    client = caller.client()
    messages = user(QUESTION)
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    call = function_call((choice.message.tool_calls or [])[0])
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    )
    messages.append(choice.message)  # as clients do: the answer goes back as it came
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "12 °C, rain"})
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "stop"
    assert "12 °C, rain" in (answer.choices[0].message.content or "")


async def test_many_async_loops_keep_their_calls_apart(caller: Tenant) -> None:
    async with caller.async_client() as client:

        async def loop(city: str) -> str:
            messages = user(f"What is the weather in {city}? #pace=1 #call=get_weather")
            stream = client.chat.completions.stream(model=MODEL, messages=messages, tools=[WEATHER])
            async with stream as events:
                message = (await events.get_final_completion()).choices[0].message
            call = (message.tool_calls or [])[0]
            assert json.loads(call.function.arguments) == {"city": city}
            messages.append(message.to_dict())
            messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{city}: rain"})
            answer = await client.chat.completions.create(
                model=MODEL, messages=messages, tools=[WEATHER]
            )
            return answer.choices[0].message.content or ""

        cities = [f"Tow{chr(97 + i)}n" for i in range(20)]
        answers = await asyncio.gather(*(loop(city) for city in cities))
    assert answers == [f"I was told: {city}: rain" for city in cities]


def test_parallel_calls_arrive_whole_and_streamed(caller: Tenant) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": user("#call=get_weather #call=get_time Paris, please: of Paris and Rome"),
        "tools": [WEATHER, TIME],
    }
    whole = caller.client().chat.completions.create(**asked).choices[0].message
    with caller.client().chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message
    expected = [("get_weather", "Paris"), ("get_time", "Rome")]
    for message in (whole, streamed):
        calls = [function_call(call).function for call in message.tool_calls or []]
        assert [(c.name, json.loads(c.arguments)["city"]) for c in calls] == expected
        assert message.content is None
    one = caller.client().chat.completions.create(**asked, parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls or []) == 1


def test_the_stream_helper_tells_when_arguments_are_complete(caller: Tenant) -> None:
    with caller.client().chat.completions.stream(
        model=MODEL, messages=user(QUESTION), tools=[WEATHER], n=2
    ) as stream:
        events: list[ChatCompletionStreamEvent[None]] = list(stream)
    kinds = [event.type for event in events]
    assert kinds.count("tool_calls.function.arguments.done") == 2
    assert kinds.count("tool_calls.function.arguments.delta") > 4
    done = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    assert [event.parsed_arguments for event in done] == [{"city": "Paris"}] * 2


@pytest.mark.parametrize(
    ("choice", "name", "reason"),
    [
        ("required", "get_weather", "tool_calls"),
        (ONLY_TIME, "get_time", "stop"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [ONLY_TIME]}},
            "get_time",
            "tool_calls",
        ),
    ],
)
def test_a_demanded_call_is_made(caller: Tenant, choice: Any, name: str, reason: str) -> None:
    answer = caller.client().chat.completions.create(
        model=MODEL, messages=user("Hello"), tools=[WEATHER, TIME], tool_choice=choice
    )
    call = function_call((answer.choices[0].message.tool_calls or [])[0])
    assert (call.function.name, answer.choices[0].finish_reason) == (name, reason)


def test_parse_gives_a_model_of_pydantic(caller: Tenant) -> None:
    answer = caller.client().chat.completions.parse(
        model=MODEL, messages=user("Plan a move to Rome in 3 steps"), response_format=Plan
    )
    plan = answer.choices[0].message.parsed
    assert isinstance(plan, Plan)
    assert (plan.city, plan.kind, plan.steps) == ("Rome", "move", [Step(number=3, done=True)])


async def test_the_async_stream_helper_parses_as_it_goes(caller: Tenant) -> None:
    async with caller.async_client() as client:
        manager = client.chat.completions.stream(
            model=MODEL, messages=user("Plan a trip to Rome in 3 steps"), response_format=Plan
        )
        async with manager as stream:
            kinds = {event.type async for event in stream}
            plan = (await stream.get_final_completion()).choices[0].message.parsed
    assert plan is not None
    assert plan.kind == "trip"
    assert {"content.delta", "content.done"} <= kinds


def test_parse_gives_arguments_of_strict_tools(caller: Tenant) -> None:
    class City(BaseModel):
        city: str

    answer = caller.client().chat.completions.parse(
        model=MODEL, messages=user(QUESTION), tools=[openai.pydantic_function_tool(City)]
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == City(city="Paris")


def test_a_json_answer_that_was_cut_is_told_by_the_helper(caller: Tenant) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        caller.client().chat.completions.parse(
            model=MODEL, messages=user("Plan a trip to Rome"), response_format=Plan, max_tokens=3
        )


def test_older_functions_still_work(caller: Tenant) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": user(QUESTION),
        "functions": [{"name": "get_weather", "parameters": CITY}],
    }
    choice = caller.client().chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert json.loads(choice.message.function_call.arguments) == {"city": "Paris"}
    asked["messages"] += [
        choice.message,
        {"role": "function", "name": "get_weather", "content": "rain"},
    ]
    answer = caller.client().chat.completions.create(**asked)
    assert answer.choices[0].message.content == "I was told: rain"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"messages": [*user("x"), {"role": "tool", "content": "y", "tool_call_id": "z"}]},
            "messages[1].role",
        ),
    ],
)
def test_wrong_tools_are_refused_for_nothing(
    caller: Tenant, fields: dict[str, Any], param: str
) -> None:
    before = caller.balance_nano()
    with pytest.raises(openai.BadRequestError) as caught:
        caller.client().chat.completions.create(**{"model": MODEL, "messages": user("x"), **fields})
    assert caught.value.param == param
    assert caller.balance_nano() == before
