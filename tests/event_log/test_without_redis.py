"""Redis away: a process goes on with its own answers, and what it missed is there afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from inference.event_log import EventsAway, EventsGone, copied
from inference.event_log.copied import CopiedLog
from tests.event_log import conftest
from tests.event_log.conftest import events, numbers
from tests.patience import PATIENCE, soon


@dataclass
class Site:
    server: FakeServer
    one: CopiedLog
    other: CopiedLog

    def lose(self) -> None:
        self.server.connected = False

    async def bring_back(self, *, empty: bool) -> None:
        self.server.connected = True
        if empty:
            await FakeAsyncRedis(server=self.server).flushall()


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(copied, "AGAIN_SECONDS", 0.05)
    server = FakeServer()
    one, other = (conftest.copied(FakeAsyncRedis(server=server)) for _ in range(2))
    yield Site(server, one, other)
    await one.close()
    await other.close()


async def eventually(site: Site, key: str, after: int = -1) -> list[int]:
    """As the other process reads it, once it can."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await numbers(site.other, key, after)
            except EventsGone:
                await asyncio.sleep(0.02)


async def test_answers_begin_and_end_and_only_other_processes_cannot_read_them(site: Site) -> None:
    site.lose()
    began = time.monotonic()
    for number in range(20):
        await site.one.append(f"answer {number}", events(0, 1))
        await site.one.append(f"answer {number}", events(2, 3), last=True)
    assert time.monotonic() - began < 20 * copied.PATIENCE / 2, "each would have waited"
    assert await numbers(site.one, "answer 7") == [0, 1, 2, 3]
    with pytest.raises(EventsAway):
        await numbers(site.other, "answer 7")


async def test_a_reader_of_the_same_process_does_not_notice_that_redis_went(site: Site) -> None:
    await site.one.append("a", events(0, 0))
    reading = asyncio.ensure_future(numbers(site.one, "a"))
    await asyncio.sleep(0.05)
    site.lose()
    await site.one.append("a", events(1, 2))
    await site.one.append("a", events(3, 3), last=True)
    assert await soon(reading) == [0, 1, 2, 3]


@pytest.mark.parametrize("empty", [True, False])
async def test_what_still_grows_is_whole_elsewhere_when_redis_is_back(
    site: Site, empty: bool
) -> None:
    await site.one.append("a", events(0, 9))
    site.lose()
    await site.one.append("a", events(10, 600))
    await site.one.append("b", events(0, 3), last=True)
    await asyncio.sleep(0.1)
    await site.bring_back(empty=empty)
    assert await eventually(site, "b") == [0, 1, 2, 3]
    await site.one.append("a", events(601, 605), last=True)
    assert await eventually(site, "a") == list(range(606))
    assert await eventually(site, "a", after=602) == [603, 604, 605]


async def test_a_redis_that_hangs_is_waited_for_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(copied, "PATIENCE", 0.5)
    monkeypatch.setattr(site.one._copies, "write", hang)
    monkeypatch.setattr(site.one._copies, "known", hang)
    began = time.monotonic()
    for number in range(10):
        await site.one.append(f"answer {number}", events(0, 0), last=True)
    assert 0.5 <= time.monotonic() - began < 10 * 0.5


async def test_what_ends_as_the_process_stops_is_copied_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied, "PATIENCE", PATIENCE)
    await site.one.append("a", events(0, 0))
    await site.one.append("a", events(1, 900), last=True)
    await site.one.close()
    assert await numbers(site.other, "a") == list(range(901))


async def test_nothing_is_kept_of_logs_that_are_copied(site: Site) -> None:
    site.lose()
    for number in range(200):
        await site.one.append(f"answer {number}", events(0, 2), last=True)
    await site.bring_back(empty=True)
    await eventually(site, "answer 199")
    assert not site.one._copied
    assert not site.one._grown
