"""What may be open at once is counted over all processes, and never more than it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from api import open_places
from api.open_places import _SharedCounts
from api.redis_road import Road
from tests import redis_server
from tests.patience import PATIENCE
from tests.redis_server import RedisServer
from tests.running import free_port

pytestmark = redis_server.needed
LEASE = 3  # seconds: a busy machine may keep this process waiting for one
Process = Callable[[], _SharedCounts]


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    monkeypatch.setattr(open_places, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(open_places, "LEASE_SECONDS", LEASE)
    return RedisServer(tmp_path, free_port())


@pytest.fixture
async def process(redis: RedisServer) -> AsyncIterator[Process]:
    """One more of them."""
    made: list[tuple[_SharedCounts, Road]] = []

    def another() -> _SharedCounts:
        road = Road(redis.url)
        made.append((_SharedCounts(road), road))
        return made[-1][0]

    redis.start()
    yield another
    for counts, road in made:
        await counts.close()
        await road.close()
    redis.stop()


async def taken(counts: _SharedCounts, place: str, most: int = 1) -> None:
    """As soon as there is room."""
    async with asyncio.timeout(PATIENCE):
        while not await counts.take(place, most):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def refused(counts: _SharedCounts, place: str, most: int) -> None:
    """As soon as it knows what others have."""
    async with asyncio.timeout(PATIENCE):
        while await counts.take(place, most):
            counts.give_back(place)
            await asyncio.sleep(0.01)


async def test_there_are_never_more_than_may_be_over_all_processes(process: Process) -> None:
    processes = [process() for _ in range(3)]
    takings = [processes[number % 3].take("bot", 20) for number in range(60)]
    assert sum(await asyncio.gather(*takings)) == 20
    assert await processes[1].take("other bot", 20)


async def test_what_is_given_back_can_be_taken_elsewhere_at_once(process: Process) -> None:
    one, other = process(), process()
    for _ in range(50):
        await taken(one, "visitor")
        assert not await other.take("visitor", 1)
        one.give_back("visitor")
        await taken(other, "visitor")
        assert not await one.take("visitor", 1)
        other.give_back("visitor")


async def test_a_process_that_is_there_keeps_its_places_for_as_long_as_it_wants(
    process: Process,
) -> None:
    one, other = process(), process()
    assert await one.take("visitor", 1)
    await asyncio.sleep(LEASE + 0.5)
    assert not await other.take("visitor", 1)


async def test_of_one_that_was_killed_the_places_are_free_after_the_lease(
    process: Process,
) -> None:
    one, other = process(), process()
    assert await one.take("visitor", 1)
    for task in one._work:
        task.cancel()
    assert not await other.take("visitor", 1)
    await taken(other, "visitor")


async def test_of_one_that_stops_they_are_free_at_once(process: Process) -> None:
    one, other = process(), process()
    assert await one.take("visitor", 1)
    await one.close()
    one.give_back("visitor")
    assert await other.take("visitor", 1)


async def test_without_redis_each_counts_alone_and_then_together_again(
    process: Process, redis: RedisServer
) -> None:
    one, other = process(), process()
    assert await one.take("visitor", 3)
    redis.stop()
    began = time.monotonic()
    assert [await one.take("visitor", 3) for _ in range(3)] == [True, True, False]
    assert await other.take("visitor", 3)
    other.give_back("visitor")
    assert time.monotonic() - began < 2
    redis.start()  # and it has forgotten everything
    for counts in (one, other):
        counts._road._rests_until = 0.0
    await refused(other, "visitor", 3)
    one.give_back("visitor")
    await taken(other, "visitor", 3)


async def test_who_leaves_while_redis_is_asked_has_taken_nothing(process: Process) -> None:
    counts = process()
    for _ in range(20):
        taking = asyncio.create_task(counts.take("visitor", 1))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
    assert not counts.open
    await taken(counts, "visitor")
