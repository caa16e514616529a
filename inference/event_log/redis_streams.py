"""Copies of event logs in Redis Streams: an entry an event, so that any process can follow."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from inference.event_log.events import (
    BATCH,
    KEPT_SECONDS,
    MOST_EVENTS,
    Event,
    EventsAway,
    EventsGone,
    Growth,
)

PREFIX: Final = "smarter:events:"
LIVE_SECONDS: Final = 3600  # a log whose writer died is forgotten after this
WAIT_MS: Final = 2000  # then a waiting reader looks whether the log is still there
ANSWER_SECONDS: Final = 5.0  # longer than that wait; then Redis is taken to be away
CONNECT_SECONDS: Final = 0.5
END: Final = b"end"
DATA: Final = b"data"

Entry = tuple[bytes, dict[bytes, bytes]]
Answer = TypeVar("Answer")


class RedisStreams:
    """An event's entry has the id `<number + 1>-0`, so a reader's place is its number. What opens
    a log is its entry `0-1`; what ends it has the time as its id, which no number ever reaches.

    Raises EventsAway while Redis is away.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def write(self, grown: Iterable[Growth]) -> None:
        """All in one go. What is there already stays as it is."""
        pipe = self._redis.pipeline(transaction=False)
        for growth in grown:
            _put(pipe, growth)
        for result in await _asked(pipe.execute(raise_on_error=False)):
            _require_done(result)

    async def read(self, key: str, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        name = PREFIX + key
        if not await self.known(key):
            raise EventsGone(key)
        while True:
            entries = await self._since(name, after)
            events = [
                Event(_number(entry_id), fields[DATA].decode())
                for entry_id, fields in entries
                if DATA in fields
            ]
            if events:
                _require_next(events[0], after)
                after = events[-1].number
                yield events
            if entries and END in entries[-1][1]:
                return
            if not entries and not await self.known(key):
                raise EventsGone(key)

    async def known(self, key: str) -> bool:
        return bool(await _asked(self._redis.exists(PREFIX + key)))

    async def is_over(self, key: str) -> bool:
        newest: Any = await _asked(self._redis.xrevrange(PREFIX + key, count=1))
        return not newest or END in newest[0][1]

    async def forget(self, key: str) -> None:
        await _asked(self._redis.delete(PREFIX + key))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _since(self, name: str, after: int) -> Sequence[Entry]:
        place = f"{after + 1}-0" if after >= 0 else "0-1"
        found: Any = await _asked(self._redis.xread({name: place}, count=BATCH, block=WAIT_MS))
        if not found:
            return []
        entries: list[Entry] = found[0][1]
        return entries


def reached_by(url: str) -> RedisStreams:
    return RedisStreams(
        Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 1),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
        )
    )


def _put(pipe: "Pipeline", growth: Growth) -> None:
    name = PREFIX + growth.key
    for event in growth.events:
        pipe.xadd(name, {DATA: event.data}, f"{event.number + 1}-0", maxlen=MOST_EVENTS)
    if growth.last:
        pipe.xadd(name, {END: b""})
    elif not growth.events:
        pipe.xadd(name, {b"open": b""}, "0-1")
    pipe.expire(name, int(KEPT_SECONDS) if growth.last else LIVE_SECONDS)


async def _asked(answer: Awaitable[Answer]) -> Answer:
    try:
        return await answer
    except RedisError as error:
        raise EventsAway from error


def _require_done(result: object) -> None:
    """That an entry is there already is no error: it was sent again."""
    if isinstance(result, RedisError) and "equal or smaller" not in str(result):
        raise EventsAway from result


def _require_next(event: Event, after: int) -> None:
    if event.number > after + 1:
        raise EventsGone  # what came between has been trimmed


def _number(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) - 1
