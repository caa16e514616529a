"""A model of other servers through the whole road: exact money, our envelope, who leaves."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async

from inference import catalog
from inference.models import ServedModel
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold
from tests.inference.remote.upstream import Call, Upstream, said, upstream
from tests.patience import soon


@pytest.fixture
async def theirs(ada: Tenant) -> AsyncIterator[Upstream]:
    """The model that Ada calls is another server's."""
    async with upstream() as server:
        rows = ServedModel.objects.filter(id="scripted")
        await sync_to_async(rows.update)(engine=f"{server.url} model=big")
        catalog.forget()
        yield server


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_server_says_it_used_is_what_is_charged(
    ada: Tenant, theirs: Upstream, stream: bool
) -> None:
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    call = await ada.ask("Hi", stream=stream, max_tokens=20, **usage)

    told = call.events[-1]["usage"] if stream else call.json["usage"]
    assert (told["prompt_tokens"], told["completion_tokens"]) == (7, 2)
    hold = await only_hold()
    assert (hold.state, hold.charged) == ("settled", cost(7, 2))
    assert await balance(ada) == (10**9 - cost(7, 2), 0)
    assert theirs.generations[0].body["max_tokens"] == 20


async def test_who_leaves_stops_the_server_and_pays_for_the_pieces_that_came(
    ada: Tenant, theirs: Upstream
) -> None:
    async def endless(call: Call) -> None:
        await call.begin()
        while True:
            await call.event(said("word "))
            await asyncio.sleep(0.01)

    theirs.script = endless
    call = ada.call("x" * 80, stream=True, max_tokens=2000)
    await call.came(10)
    call.leave()
    await soon(call.finished())
    await soon(theirs.generations[0].left.wait())

    hold = await only_hold()
    assert hold.finish_reason == "cancelled"
    assert 5 <= hold.completion_tokens <= 40
    assert hold.charged == cost(10, hold.completion_tokens)  # an eighth of the prompt's bytes


async def test_an_upstream_that_fails_costs_nothing_and_speaks_in_our_envelope(
    ada: Tenant, theirs: Upstream
) -> None:
    async def full(call: Call) -> None:
        await call.answer(429, {"error": {"message": "theirs"}}, retry_after="3")

    theirs.script = full
    call = await ada.ask("Hi")

    assert (call.status, call.error["code"]) == (503, "server_overloaded")
    assert call.answer_headers["retry-after"] == "3"
    assert await balance(ada) == (10**9, 0)


async def test_what_the_upstream_refuses_is_a_400_with_its_words(
    ada: Tenant, theirs: Upstream
) -> None:
    async def refuse(call: Call) -> None:
        await call.answer(400, {"error": {"message": "too odd", "param": "top_p"}})

    theirs.script = refuse
    call = await ada.ask("Hi")

    assert (call.status, call.error["message"], call.error["param"]) == (400, "too odd", "top_p")
    assert (await only_hold()).state == "voided"
