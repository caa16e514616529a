"""The built-in model calls tools as callers meet it: through the engine and its grammars."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator

import pytest

from inference.engines.base import GenerationRequest, Message, SamplingParams, Tool, ToolChoice
from inference.engines.local.client import LocalEngine
from tests.engines.engine_process import engine
from tests.inference.builtin import asking, calling
from tests.inference.builtin.calling import Call, HeldOutCall

LEAST_RIGHT = 190  # of 200: 95 %
AT_ONCE = 16


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = f"unix:{tmp_path_factory.mktemp('socket') / 'engine.sock'}"
    with engine(asking.WEIGHTS, place, "--name", "built-in", "--max-sequences", str(AT_ONCE)):
        yield place


@pytest.mark.parametrize("name", [calling.FIRST, calling.AGAIN])
async def test_at_least_95_percent_of_the_held_out_calls_are_right(name: str, address: str) -> None:
    held_out = calling.held_out_calls(name)
    client, gate = LocalEngine(address), asyncio.Semaphore(AT_ONCE)

    async def called(each: HeldOutCall) -> list[Call]:
        async with gate:
            return await _called(client, each)

    found = await asyncio.gather(*map(called, held_out))
    await client.close()
    wrong = [
        f"{each.group}: {each.prompt} => {calls}"
        for each, calls in zip(held_out, found, strict=True)
        if calls != [each.right]
    ]
    assert len(held_out) == 200
    assert len(held_out) - len(wrong) >= LEAST_RIGHT, "\n".join(wrong)


async def _called(client: LocalEngine, asked: HeldOutCall) -> list[Call]:
    """What a greedy answer calls, put together from its stream; broken JSON stays text."""
    request = GenerationRequest(
        id=asked.prompt,
        model="built-in",
        sampling=SamplingParams(temperature=0.0),
        messages=(Message("user", asked.prompt),),
        tools=tuple(_tool(each) for each in asked.tools),
        tool_choice=ToolChoice("auto"),
    )
    names: dict[int, str] = {}
    arguments: dict[int, str] = defaultdict(str)
    async for deltas in client.generate(await client.prepare(request), 120):
        for piece in (piece for delta in deltas for piece in delta.tool_calls):
            names[piece.index] = piece.name or names[piece.index]
            arguments[piece.index] += piece.arguments
    return [Call(names[index], json.loads(arguments[index])) for index in sorted(names)]


def _tool(offered: asking.Tool) -> Tool:
    function = offered["function"]
    assert isinstance(function, dict)
    return Tool(function["name"], function["description"], function["parameters"])


def test_the_two_lists_hardly_overlap() -> None:
    first, again = (
        {each.prompt for each in calling.held_out_calls(name)}
        for name in (calling.FIRST, calling.AGAIN)
    )
    assert len(again) >= 195
    assert len(first & again) <= 12
