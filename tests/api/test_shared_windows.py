"""One window for all processes: never more than the limit in it, and no waiting without Redis."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis

from api import rate_limits, redis_road, shared_windows, sharing
from api.errors import RateLimited
from api.rate_limits import Limits
from api.redis_road import Road
from api.shared_windows import SharedWindows
from api.windows import Wish
from tests import redis_server
from tests.redis_server import RedisServer

pytestmark = redis_server.needed
FEW = Limits(requests_per_minute=3, tokens_per_minute=100)


@pytest.fixture
def redis(tmp_path: Path, settings: Settings) -> Iterator[RedisServer]:
    rate_limits.forget_all()
    with redis_server.running(tmp_path) as server:
        settings.REDIS_URL = server.url
        yield server
    rate_limits.forget_all()


def another_process() -> None:
    """What this process remembers is what another has not seen."""
    rate_limits.forget_all()


def test_what_one_process_takes_the_other_cannot(redis: RedisServer) -> None:
    for _ in range(3):
        rate_limits.take_request("key", FEW)
        another_process()
    with pytest.raises(RateLimited) as refused:
        rate_limits.take_request("key", FEW)
    assert 59 < (refused.value.retry_after or 0) <= 60
    rate_limits.take_request("other", FEW)


async def test_event_loops_and_threads_share_it_too(redis: RedisServer) -> None:
    await rate_limits.atake_tokens("key", FEW, 60)
    await asyncio.to_thread(rate_limits.take_tokens, "key", FEW, 30)
    with pytest.raises(RateLimited):
        await rate_limits.atake_tokens("key", FEW, 11)
    await sharing.close()


async def test_what_is_given_back_can_be_taken_elsewhere(redis: RedisServer) -> None:
    reservation = await rate_limits.atake_tokens("key", FEW, 100)
    assert rate_limits.headers("key", FEW)["x-ratelimit-remaining-tokens"] == "0"
    reservation.settle(30)
    reservation.settle(90)  # never more again
    assert rate_limits.headers("key", FEW)["x-ratelimit-remaining-tokens"] == "70"
    await sharing.close()
    another_process()
    await rate_limits.atake_tokens("key", FEW, 70)
    with pytest.raises(RateLimited):
        await rate_limits.atake_tokens("key", FEW, 1)
    await sharing.close()


def test_headers_tell_what_all_processes_took(redis: RedisServer) -> None:
    rate_limits.take_request("key", FEW)
    another_process()
    rate_limits.take_request("key", FEW)
    assert rate_limits.headers("key", FEW)["x-ratelimit-remaining-requests"] == "1"


def test_a_herd_gets_no_more_than_the_limit(redis: RedisServer) -> None:
    processes = [SharedWindows(Road(redis.url)) for _ in range(4)]

    def crowd(number: int) -> bool:
        told = processes[number % 4].take(f"id {number}", [Wish("herd", 1, 50, 60)])
        return bool(told and not told[0].wait)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(crowd, range(400))) == 50


def test_a_window_slides_by_the_clock_of_redis(redis: RedisServer) -> None:
    windows = SharedWindows(Road(redis.url))

    def take(number: int) -> float:
        told = windows.take(f"id {number}", [Wish("short", 1, 2, 0.4)])
        assert told is not None
        return told[0].wait

    assert [take(1), take(2)] == [0, 0]
    wait = take(3)
    assert 0 < wait <= 0.4
    time.sleep(wait + 0.02)
    assert take(4) == 0


def test_what_is_old_is_gone_also_from_a_window_that_is_always_used(redis: RedisServer) -> None:
    windows = SharedWindows(Road(redis.url))
    for number in range(12):
        assert windows.take(f"id {number}", [Wish("busy", 1, 100, 0.3)])
        time.sleep(0.05)
    with Redis.from_url(redis.url) as client:
        assert client.zcard("smarter:limits:busy") <= 7
        assert client.hlen("smarter:limits:busy:amounts") <= 8


def test_several_windows_are_taken_together_or_not_at_all(redis: RedisServer) -> None:
    windows = SharedWindows(Road(redis.url))
    both = [Wish("wide", 1, 10, 60), Wish("narrow", 1, 1, 60)]
    windows.take("first", both)
    refused = windows.take("second", both)
    assert refused is not None
    assert [state.used for state in refused] == [1, 1]
    assert refused[0].wait == 0
    assert refused[1].wait > 0
    windows.give_back("first", ["wide", "narrow"], 0)
    assert [state.used for state in windows.take("third", both) or []] == [1, 1]


async def test_without_redis_each_process_goes_on_from_what_it_has_let_through(
    redis: RedisServer,
) -> None:
    await rate_limits.atake_request("key", FEW)
    await rate_limits.atake_request("key", FEW)
    before = shared_windows.ALONE._value.get()
    redis.stop()
    began = time.monotonic()
    await rate_limits.atake_request("key", FEW)
    with pytest.raises(RateLimited):
        await rate_limits.atake_request("key", FEW)
    assert time.monotonic() - began < 2
    assert shared_windows.ALONE._value.get() == before + 2
    assert redis_road.AWAY._value.get() == 1

    redis.start()  # it has forgotten everything: at most one window
    road = sharing.road()
    assert road is not None
    road._rests_until = 0.0
    await rate_limits.atake_request("key", FEW)
    assert shared_windows.ALONE._value.get() == before + 2
    assert redis_road.AWAY._value.get() == 0
    await sharing.close()
