"""The log in one process, and of two beside each other: every promise is tested on both."""

import os
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from inference.event_log.copied import CopiedLog
from inference.event_log.events import Event, EventLog
from inference.event_log.memory import MemoryLog
from inference.event_log.redis_streams import RedisStreams

REAL = os.environ.get("TEST_REDIS_URL")  # an empty one: it is flushed


class TwoProcesses:
    """What the one writes is read from the other."""

    def __init__(self, one: CopiedLog, other: CopiedLog) -> None:
        self.one, self.other = one, other
        self.append, self.forget = one.append, one.forget
        self.read, self.known, self.is_over = other.read, other.known, other.is_over

    async def close(self) -> None:
        await self.one.close()
        await self.other.close()


def copied(redis: "Redis") -> CopiedLog:
    return CopiedLog(MemoryLog(), RedisStreams(redis))


@pytest.fixture(params=["one process", "two processes"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[EventLog]:
    if request.param == "one process":
        made: EventLog = MemoryLog()
    else:
        redis = Redis.from_url(REAL) if REAL else FakeAsyncRedis()
        await redis.flushall()
        made = TwoProcesses(copied(redis), copied(redis))
    yield made
    await made.close()


def events(first: int, last: int) -> list[Event]:
    return [Event(number, f'{{"sequence_number":{number}}}') for number in range(first, last + 1)]


async def numbers(log: EventLog, key: str, after: int = -1) -> list[int]:
    """What a reader gets until the end."""
    return [event.number async for batch in log.read(key, after) for event in batch]
