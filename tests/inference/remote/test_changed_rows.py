"""A row that is changed has a new engine at once; the old one ends what it has begun, then goes."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.engines import registry
from inference.engines.remote import RemoteEngine
from inference.engines.remote import engine as engine_module
from tests.inference.remote.upstream import (
    USAGE,
    Call,
    finished,
    request,
    said,
    text,
    upstream,
)
from tests.patience import soon

GONE = 0.05  # seconds: long enough for whoever does not wait


@dataclass(frozen=True)
class Row:
    engine: str
    context_window: int = 1000
    id: str = "m"
    socket: Path = Path("/run/e.sock")
    adapter: str | None = None


def served(row: Row) -> RemoteEngine:
    found = registry.engine_for(row)
    assert isinstance(found, RemoteEngine)
    return found


async def test_the_old_one_ends_what_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "PREPARED_SECONDS", 0.0)
    go_on = asyncio.Event()

    async def pauses(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await go_on.wait()
        await call.event(said(" you"))
        await call.event(finished())
        await call.event({"choices": [], "usage": USAGE})
        await call.end()

    async with upstream(pauses) as server:
        old = served(Row(server.url))
        stream = old.generate(await old.prepare(request()), 50)
        heard = list(await anext(stream))
        assert served(Row(server.url)) is old, "nothing has changed"
        for changed in (Row(f"{server.url} model=big"), Row(server.url, context_window=10)):
            assert served(changed) is not old
        await asyncio.sleep(GONE)
        assert not old.connections.closed
        go_on.set()
        heard += [delta async for batch in stream for delta in batch]
        assert text(heard) == "Hello you"
        retiring = registry._engines[asyncio.get_running_loop()].retiring
        await soon(asyncio.gather(*retiring.values()))
        assert old.connections.closed
        await registry.close()


async def test_what_was_paid_for_may_still_begin() -> None:
    async with upstream() as server:
        old = served(Row(server.url))
        prepared = await old.prepare(request())
        served(Row(f"{server.url} model=big"))
        await asyncio.sleep(GONE)
        assert not old.connections.closed
        batches = [batch async for batch in old.generate(prepared, 50)]
        assert text([delta for batch in batches for delta in batch]) == "Hello you"
        await registry.close()
