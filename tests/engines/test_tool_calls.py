"""Tools through a running engine with the built-in model: the right call, streamed and whole."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.engines.base import (
    Delta,
    GenerationRequest,
    InvalidGeneration,
    Message,
    ResponseFormat,
    Tool,
    ToolCall,
    ToolChoice,
    joined,
)
from inference.engines.local.client import LocalEngine
from tests.engines.engine_process import engine
from tests.engines.tool_models import CITY, WEATHER, asking

BUILTIN = Path(__file__).parents[2] / "inference/builtin/weights"
LOCATION = Tool(
    "get_weather",
    "Get the current weather for a location.",
    {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["location", "unit"],
        "additionalProperties": False,
    },
    strict=True,
)
PARIS = Message("user", "What is the weather in Paris?")
CALLED = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
RESULT = Message("tool", '{"temperature": 21, "sky": "sunny"}', tool_call_id="call_1")
ANSWERED = (PARIS, Message("assistant", "", tool_calls=(CALLED,)), RESULT)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address = f"unix:{tmp_path_factory.mktemp('socket') / 'engine.sock'}"
    with engine(BUILTIN, address, "--name", "mini", "--max-sequences", "8"):
        yield address


@pytest.fixture
async def mini(address: str) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(address)
    yield engine
    await engine.close()


async def streamed(
    mini: LocalEngine, request: GenerationRequest, max_tokens: int = 90
) -> list[Delta]:
    prepared = await mini.prepare(request)
    return [each async for batch in mini.generate(prepared, max_tokens) for each in batch]


async def answered(mini: LocalEngine, request: GenerationRequest, max_tokens: int = 90) -> Delta:
    deltas = [each for each in await streamed(mini, request, max_tokens) if each.index == 0]
    whole = deltas[0]
    for each in deltas[1:]:
        whole = joined(whole, each)
    return whole


def calls_in(answer: Delta) -> list[tuple[str, Any]]:
    calls: list[tuple[str, str]] = []
    for piece in answer.tool_calls:
        if piece.id:
            assert piece.index == len(calls)
            calls.append((piece.name or "", piece.arguments))
        else:
            assert piece.index == len(calls) - 1
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.arguments)
    return [(name, json.loads(arguments)) for name, arguments in calls]


async def test_the_weather_is_asked_for_the_right_city(mini: LocalEngine) -> None:
    deltas = await streamed(mini, asking(PARIS, tools=(WEATHER,)))
    last = deltas[-1]
    assert last.finish_reason == "tool_calls"
    assert not any(each.text for each in deltas)
    pieces = [piece for each in deltas for piece in each.tool_calls]
    assert len(pieces) > 3
    assert [bool(piece.id) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert "".join(piece.arguments for piece in pieces) == '{"city": "Paris"}'
    assert pieces[0].name == "get_weather"


async def test_a_loop_of_calls_ends_with_text(mini: LocalEngine) -> None:
    request = asking(*ANSWERED, tools=(WEATHER,))
    answer = await answered(mini, request)
    assert answer.finish_reason == "stop"
    assert "21" in answer.text or "sunny" in answer.text
    assert answer.tool_calls == ()
    none = await answered(mini, replace(request, tool_choice=ToolChoice("none")))
    assert (none.finish_reason, none.tool_calls) == ("stop", ())


async def test_a_required_call_is_made_whatever_is_asked(mini: LocalEngine) -> None:
    request = asking(
        *ANSWERED,
        tools=(WEATHER, Tool("ping")),
        choice=ToolChoice("required", ("ping",)),
        parallel=False,
    )
    answer = await answered(mini, request)
    assert (answer.text, answer.finish_reason) == ("", "tool_calls")
    assert calls_in(answer) == [("ping", {})]
    several = replace(request, parallel_tool_calls=True)
    assert {name for name, _ in calls_in(await answered(mini, several))} == {"ping"}


async def test_strict_arguments_fit_their_schema_at_any_temperature(mini: LocalEngine) -> None:
    request = asking(PARIS, tools=(LOCATION,), choice=ToolChoice("required"), parallel=False)
    sampling = replace(request.sampling, temperature=1.5, n=6, seed=5)
    deltas = await streamed(mini, replace(request, sampling=sampling), 400)
    for index in range(6):
        own = [each for each in deltas if each.index == index]
        whole = own[0]
        for each in own[1:]:
            whole = joined(whole, each)
        if whole.finish_reason == "length":
            continue
        ((name, arguments),) = calls_in(whole)
        assert name == "get_weather"
        assert set(arguments) == {"location", "unit"}
        assert arguments["unit"] in ("celsius", "kelvin")


async def test_a_call_cut_by_length_gives_its_beginning(mini: LocalEngine) -> None:
    whole = await answered(mini, asking(PARIS, tools=(WEATHER,)))
    full = "".join(piece.arguments for piece in whole.tool_calls)
    cut = await answered(mini, asking(PARIS, tools=(WEATHER,)), whole.completion_tokens - 5)
    assert cut.finish_reason == "length"
    assert full.startswith("".join(piece.arguments for piece in cut.tool_calls))
    assert cut.tool_calls[0].name == "get_weather"


async def test_log_probabilities_are_those_of_the_content_alone(mini: LocalEngine) -> None:
    request = asking(PARIS, tools=(WEATHER,))
    sampling = replace(request.sampling, logprobs=True)
    call = await answered(mini, replace(request, sampling=sampling))
    assert call.tool_calls
    assert call.logprobs == ()
    text = await answered(mini, replace(request, messages=ANSWERED, sampling=sampling))
    assert text.text
    assert b"".join(each.raw for each in text.logprobs).decode() == text.text


async def test_stop_strings_end_text_and_no_calls(mini: LocalEngine) -> None:
    request = asking(PARIS, tools=(WEATHER,))
    stop = replace(request.sampling, stop=("\n", "Paris", '"'))
    answer = await answered(mini, replace(request, sampling=stop))
    assert calls_in(answer) == [("get_weather", {"city": "Paris"})]


async def test_a_format_and_tools_go_together(mini: LocalEngine) -> None:
    form = ResponseFormat({"type": "object", "properties": {"a": {"type": "integer"}}})
    request = replace(asking(PARIS, tools=(WEATHER,)), response_format=form)
    answer = await answered(mini, request)
    assert calls_in(answer) == [("get_weather", {"city": "Paris"})]
    none = replace(request, tool_choice=ToolChoice("none"), response_format=ResponseFormat(CITY))
    text = await answered(mini, none)
    assert set(json.loads(text.text)) == {"city"}


async def test_schemas_that_cannot_be_enforced(mini: LocalEngine) -> None:
    """Are refused where they must hold, and hold as far as they can elsewhere."""
    remote = {**CITY, "properties": {"city": {"$ref": "https://example.org/city"}}}
    strict = asking(PARIS, tools=(WEATHER, Tool("other", "", remote, strict=True)))
    with pytest.raises(InvalidGeneration) as refused:
        await mini.prepare(strict)
    assert refused.value.param == "tools[1].function.parameters"
    unknown = {**CITY, "properties": {"city": {"type": "array", "contains": {"const": 3}}}}
    with pytest.raises(InvalidGeneration, match="contains") as refused:
        await mini.prepare(asking(PARIS, tools=(Tool("other", "", unknown, strict=True),)))
    assert refused.value.param == "tools"
    loose = (Tool("other", "", remote), Tool("another", "", unknown))
    await mini.prepare(asking(PARIS, tools=loose))
