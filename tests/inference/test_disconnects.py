"""Who leaves decides nothing about money: a Run settles what it generated, read or not."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from inference import runs
from inference.engines.base import Delta, Prepared
from inference.engines.scripted import ScriptedEngine
from inference.runs import lifetime
from tests.inference.asgi import Tenant, until
from tests.inference.conftest import balance, cost, holds, only_hold
from tests.patience import soon

DISCONNECTS = 400


def only_run() -> runs.Run:
    (run,) = lifetime._open
    return run


async def test_leaving_stops_the_generation_and_pays_what_was_generated(ada: Tenant) -> None:
    call = ada.call("#words=2000 #pace=5", stream=True, max_tokens=2000)
    await call.came(10)
    call.leave()
    await soon(call.finished())
    await soon(runs.drain())
    hold = await only_hold()
    assert (hold.state, hold.finish_reason) == ("settled", "cancelled")
    assert 5 <= hold.completion_tokens <= 30
    assert hold.charged == cost(2, hold.completion_tokens)
    assert await balance(ada) == (10**9 - hold.charged, 0)


async def test_leaving_a_call_that_does_not_stream_pays_what_was_generated(ada: Tenant) -> None:
    call = ada.call("#words=2000 #pace=5", max_tokens=2000)
    await until(lambda: runs.open_runs() and only_run().checkpoint().completion_tokens > 5)
    call.leave()
    await soon(call.finished())
    assert call.messages == []
    hold = await only_hold()
    assert 5 < hold.completion_tokens <= 30
    assert hold.charged == cost(2, hold.completion_tokens)


async def test_leaving_before_the_first_token_is_free(ada: Tenant) -> None:
    call = ada.call("#words=5 #pace=500", stream=True)
    await asyncio.sleep(0.1)
    call.leave()
    await soon(call.finished())
    hold = await only_hold()
    assert (hold.state, hold.charged) == ("voided", 0)
    assert await balance(ada) == (10**9, 0)


async def test_with_an_idempotency_key_the_run_goes_on_to_the_end(ada: Tenant) -> None:
    call = ada.call(
        "#words=30 #pace=5", stream=True, max_tokens=30, headers={"idempotency-key": "k"}
    )
    await call.came(3)
    call.leave()
    await call.finished()
    hold = await only_hold()
    assert (hold.completion_tokens, hold.finish_reason) == (30, "stop")


async def test_leaving_in_the_instant_of_the_first_token_stops_the_run_too(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ready = asyncio.Event(), asyncio.Event()

    async def generate(
        self: object, prepared: Prepared, most: int
    ) -> AsyncIterator[Sequence[Delta]]:
        started.set()
        await ready.wait()
        yield [Delta(0, "first", 1)]
        await asyncio.sleep(60)

    monkeypatch.setattr(ScriptedEngine, "generate", generate)
    call = ada.call(stream=True)
    await started.wait()
    run = only_run()
    (reader,) = run._readers
    ready.set()
    reader.close()
    await soon(call.finished())
    await soon(run.task)
    assert (await only_hold()).charged == cost(2, 1)


@pytest.mark.parametrize("cancelled", [False, True], ids=["disconnect message", "task cancelled"])
async def test_no_hold_stays_open_however_clients_leave(ada: Tenant, cancelled: bool) -> None:
    """In any await of the call, or after some tokens; the server may also cancel the whole call."""
    chance = random.Random(7)

    async def one() -> None:
        call = ada.call("#words=2000 #pace=1", stream=True, max_tokens=2000)
        if chance.random() < 0.5:
            await asyncio.sleep(chance.uniform(0, 0.06))
        else:
            await call.came(chance.randint(1, 12))
        call.leave()
        if cancelled:
            call.task.cancel()
        await asyncio.wait([call.task])

    for _ in range(DISCONNECTS // 2 // 20):
        await asyncio.gather(*(one() for _ in range(20)))
    await soon(runs.drain())
    found = await holds()
    assert {hold.state for hold in found} == {"settled", "voided"}
    assert {hold.finish_reason for hold in found} == {"cancelled"}
    assert all(h.charged == cost(2, h.completion_tokens) for h in found if h.state == "settled")
    assert await balance(ada) == (10**9 - sum(hold.charged for hold in found), 0)
    assert runs.open_runs() == 0
