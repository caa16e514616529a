"""Whoever reads a log gets every event once and in order, whenever they come."""

import asyncio

import pytest

from inference.event_log import EventLog, EventsGone, key_of
from tests.event_log.conftest import events, numbers
from tests.patience import soon


async def test_events_come_back_in_order_with_their_text(log: EventLog) -> None:
    await log.append("a", events(0, 2))
    await log.append("a", events(3, 3), last=True)
    found = [event async for batch in log.read("a") for event in batch]
    assert found == events(0, 3)


async def test_a_reader_is_told_of_events_as_they_come(log: EventLog) -> None:
    await log.append("a", events(0, 0))
    reader = log.read("a")
    assert [event.number for event in await anext(reader)] == [0]
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await log.append("a", events(1, 2))
    assert [event.number for event in await soon(waiting)] == [1, 2]
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0.05)
    await log.append("a", [], last=True)
    with pytest.raises(StopAsyncIteration):
        await soon(waiting)


async def test_several_readers_go_at_their_own_pace(log: EventLog) -> None:
    async def slow() -> list[int]:
        seen = []
        async for batch in log.read("a"):
            seen += [event.number for event in batch]
            await asyncio.sleep(0.05)
        return seen

    await log.append("a", [])
    readers = [
        asyncio.ensure_future(reader)
        for reader in (slow(), numbers(log, "a"), slow(), numbers(log, "a", after=6))
    ]
    for number in range(10):
        await log.append("a", events(number, number), last=number == 9)
        await asyncio.sleep(0.01)
    everything = list(range(10))
    found = await soon(asyncio.gather(*readers))
    assert found == [everything, everything, everything, [7, 8, 9]]


async def test_a_log_is_over_when_it_has_ended_and_when_it_is_unknown(log: EventLog) -> None:
    assert await log.is_over("a")
    await log.append("a", events(0, 1))
    assert not await log.is_over("a")
    await log.append("a", [], last=True)
    assert await numbers(log, "a") == [0, 1]
    assert await log.is_over("a")


async def test_a_reader_who_comes_after_the_end_gets_what_is_missing(log: EventLog) -> None:
    await log.append("a", events(0, 9), last=True)
    assert await numbers(log, "a") == list(range(10))
    assert await numbers(log, "a", after=4) == [5, 6, 7, 8, 9]
    assert await numbers(log, "a", after=9) == []
    assert await numbers(log, "a", after=1000) == []


async def test_a_log_can_be_read_before_its_first_event(log: EventLog) -> None:
    await log.append("a", [])
    reading = asyncio.ensure_future(numbers(log, "a"))
    await asyncio.sleep(0.05)
    await log.append("a", events(0, 1), last=True)
    assert await soon(reading) == [0, 1]


async def test_an_unknown_key_is_gone(log: EventLog) -> None:
    assert not await log.known("nobody")
    with pytest.raises(EventsGone):
        await numbers(log, "nobody")


async def test_keys_do_not_mix(log: EventLog) -> None:
    ada, mallory = key_of("org_ada", "resp_1"), key_of("org_mallory", "resp_1")
    await log.append(ada, events(0, 1), last=True)
    assert await log.known(ada)
    assert not await log.known(mallory)
    with pytest.raises(EventsGone):
        await numbers(log, mallory)


async def test_what_is_forgotten_is_gone_for_those_who_read_it(log: EventLog) -> None:
    await log.append("a", events(0, 0))
    reader = log.read("a")
    await anext(reader)
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0.05)
    await log.forget("a")
    with pytest.raises(EventsGone):
        await soon(waiting)
    assert not await log.known("a")


async def test_a_long_log_comes_in_pieces_and_whole(log: EventLog) -> None:
    await log.append("a", events(0, 999), last=True)
    pieces = [len(batch) async for batch in log.read("a")]
    assert sum(pieces) == 1000
    assert max(pieces) <= 256
    assert await numbers(log, "a") == list(range(1000))


async def test_a_reader_who_is_cancelled_leaves_nothing_behind(log: EventLog) -> None:
    await log.append("a", events(0, 0))
    before = our_tasks()
    readers = [asyncio.ensure_future(numbers(log, "a")) for _ in range(50)]
    await asyncio.sleep(0.1)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    assert all(reader.cancelled() for reader in readers)
    assert our_tasks() == before
    await log.append("a", events(1, 1), last=True)
    assert await soon(numbers(log, "a")) == [0, 1]


def our_tasks() -> set["asyncio.Task[object]"]:
    """Those of Redis's client and its imitation go on until reads time out."""
    theirs = ("FakeSocket", "AbstractConnection")
    return {task for task in asyncio.all_tasks() if not any(name in repr(task) for name in theirs)}


async def test_a_writer_never_waits_for_readers(log: EventLog) -> None:
    await log.append("a", [])
    reader = log.read("a")
    await soon(_write(log))
    seen = [event.number async for batch in reader for event in batch]
    assert seen == list(range(2000))


async def _write(log: EventLog) -> None:
    for first in range(0, 2000, 100):
        await log.append("a", events(first, first + 99), last=first == 1900)
