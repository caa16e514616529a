"""Both homes of the log: every promise is tested on each."""

import os
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from inference.event_log.events import Event, EventLog
from inference.event_log.memory import MemoryLog
from inference.event_log.redis_streams import RedisLog

REAL = os.environ.get("TEST_REDIS_URL")  # an empty one: it is flushed


@pytest.fixture(params=["memory", "redis"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[EventLog]:
    if request.param == "memory":
        made: EventLog = MemoryLog()
    else:
        redis = Redis.from_url(REAL) if REAL else FakeAsyncRedis()
        await redis.flushall()
        made = RedisLog(redis)
    yield made
    await made.close()


def events(first: int, last: int) -> list[Event]:
    return [Event(number, f'{{"sequence_number":{number}}}') for number in range(first, last + 1)]


async def numbers(log: EventLog, key: str, after: int = -1) -> list[int]:
    """What a reader gets until the end."""
    return [event.number async for batch in log.read(key, after) for event in batch]
