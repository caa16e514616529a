"""A log is bounded, by key, in all and in time; who falls behind is told so."""

import asyncio

import pytest
from fakeredis import FakeAsyncRedis

from inference.event_log import Event, EventLog, EventsGone, events, memory, redis_streams
from inference.event_log.events import Growth
from inference.event_log.memory import MemoryLog
from inference.event_log.redis_streams import RedisStreams
from tests.event_log.conftest import events as some
from tests.event_log.conftest import numbers
from tests.patience import soon


async def test_the_oldest_events_of_a_key_go_first(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, redis_streams):
        monkeypatch.setattr(module, "MOST_EVENTS", 100)
    late = log.read("a")
    await log.append("a", [])
    for first in range(0, 1000, 10):
        await log.append("a", some(first, first + 9))
    await log.append("a", [], last=True)
    with pytest.raises(EventsGone):
        await anext(late)
    with pytest.raises(EventsGone):
        await numbers(log, "a", after=500)
    assert await numbers(log, "a", after=989) == list(range(990, 1000))


async def test_a_reader_who_falls_behind_is_told_so(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, redis_streams):
        monkeypatch.setattr(module, "MOST_EVENTS", 100)
    await log.append("a", some(0, 4))
    reader = log.read("a")
    await anext(reader)
    for first in range(5, 1000, 5):
        await log.append("a", some(first, first + 4))
    with pytest.raises(EventsGone):
        await anext(reader)


async def test_large_events_count_by_their_size() -> None:
    log = MemoryLog()
    for number in range(20):
        await log.append("a", [Event(number, "x" * 1024 * 1024)])
    assert log.size <= memory.MOST_SIZE
    with pytest.raises(EventsGone):
        await numbers(log, "a", after=5)


async def test_in_all_the_log_that_grew_longest_ago_goes_first() -> None:
    log = MemoryLog(most_in_all=100_000)
    await log.append("ended", [Event(0, "x" * 40_000)], last=True)
    await log.append("live", [Event(0, "x" * 40_000)])
    reader = log.read("live")
    await anext(reader)
    await log.append("new", [Event(0, "x" * 40_000)])
    assert [await log.known(key) for key in ("ended", "live", "new")] == [False, True, True]
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    await log.append("newer", [Event(0, "x" * 40_000)])
    with pytest.raises(EventsGone):
        await soon(waiting)
    # It grows again, from where it was: what is lost is not passed over in silence.
    await log.append("live", [Event(1, "{}")], last=True)
    with pytest.raises(EventsGone):
        await numbers(log, "live")
    assert await numbers(log, "live", after=0) == [1]
    assert log.size <= 100_000


async def test_a_log_that_grows_outlives_one_that_has_ended() -> None:
    log = MemoryLog(most_in_all=100_000)
    await log.append("live", [Event(0, "x" * 10_000)])
    await log.append("ended", [Event(0, "x" * 40_000)], last=True)
    await log.append("live", [Event(1, "x" * 10_000)])
    await log.append("new", [Event(0, "x" * 45_000)])
    assert [await log.known(key) for key in ("live", "ended")] == [True, False]


async def test_a_log_is_kept_for_its_time_after_the_end() -> None:
    log = MemoryLog(kept_seconds=0.1)
    await log.append("live", some(0, 0))
    await log.append("ended", some(0, 0), last=True)
    assert await numbers(log, "ended") == [0]
    await asyncio.sleep(0.2)
    assert not await log.known("ended")
    assert await log.known("live")
    await log.forget("live")
    assert log.size == 0


async def test_redis_forgets_a_log_after_its_time() -> None:
    redis = FakeAsyncRedis()
    copies = RedisStreams(redis)
    await copies.write([Growth("a", some(0, 0))])
    assert 3000 < await redis.ttl("smarter:events:a") <= redis_streams.LIVE_SECONDS
    await copies.write([Growth("a", some(1, 1), last=True)])
    assert 0 < await redis.ttl("smarter:events:a") <= events.KEPT_SECONDS
    await copies.close()


async def test_a_log_that_expires_under_a_reader_ends_its_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_streams, "WAIT_MS", 50)
    redis = FakeAsyncRedis()
    copies = RedisStreams(redis)
    await copies.write([Growth("a", some(0, 0))])
    reading = asyncio.ensure_future(told(copies, "a"))
    await redis.pexpire("smarter:events:a", 50)
    with pytest.raises(EventsGone):
        await soon(reading)
    await copies.close()


async def test_events_that_are_sent_again_do_no_harm() -> None:
    copies = RedisStreams(FakeAsyncRedis())
    await copies.write([Growth("a", some(0, 1))])
    await copies.write([Growth("a", some(0, 1)), Growth("b", some(0, 0), last=True)])
    await copies.write([Growth("a", some(0, 2), last=True)])
    assert await told(copies, "a") == [0, 1, 2]
    assert await told(copies, "b") == [0]
    await copies.close()


async def told(copies: RedisStreams, key: str) -> list[int]:
    return [event.number async for batch in copies.read(key) for event in batch]
