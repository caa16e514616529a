"""Limits of visitors and addresses hold over all web processes that share a Redis."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_django import Settings

from api import sharing
from api.errors import RateLimited
from chatbots import limits
from chatbots.configuration import Limits
from tests import redis_server
from tests.redis_server import RedisServer

pytestmark = redis_server.needed


@pytest.fixture
async def redis(tmp_path: Path, settings: Settings) -> AsyncIterator[RedisServer]:
    limits.forget_all()
    with redis_server.running(tmp_path) as server:
        settings.REDIS_URL = server.url
        yield server
        await sharing.close()
    limits.forget_all()


def windows(who: str = "ada") -> list[limits.Window]:
    asked = Limits.model_validate({"messages": 2, "window_seconds": 60, "address_messages": 3})
    return limits.windows("bot_1", asked, who, "192.0.2.1")


def another_process() -> None:
    """What this process remembers is what another has not seen."""
    limits.forget_all()


async def test_what_one_process_lets_through_counts_in_the_other(redis: RedisServer) -> None:
    for _ in range(2):
        await limits.take(windows())
        another_process()
    with pytest.raises(RateLimited, match="Slowly") as refused:
        await limits.take(windows(), "Slowly.")
    assert 55 < (refused.value.retry_after or 0) <= 60
    assert [left.remaining for left in limits.left(windows())] == [0, 1]
    await limits.take(windows("ben"))
    with pytest.raises(RateLimited):
        await limits.take(windows("eve"))


async def test_what_is_given_back_can_be_taken_elsewhere(redis: RedisServer) -> None:
    give_back = await limits.take(windows())
    await limits.take(windows())
    assert limits.left(windows())[0].remaining == 0
    give_back()
    assert limits.left(windows())[0].remaining == 1
    another_process()
    await limits.take(windows())


async def test_while_redis_is_away_each_counts_what_it_has_let_through(redis: RedisServer) -> None:
    await limits.take(windows())
    redis.stop()
    await limits.take(windows())
    with pytest.raises(RateLimited):
        await limits.take(windows())
