"""The event log in Redis Streams: an entry an event, so that any process can follow an answer."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import Unavailable
from inference.event_log.events import BATCH, KEPT_SECONDS, MOST_EVENTS, Event, EventsGone

PREFIX: Final = "smarter:events:"
LIVE_SECONDS: Final = 3600  # a log whose writer died is forgotten after this
WAIT_MS: Final = 2000  # then a waiting reader looks whether the log is still there
END: Final = b"end"
DATA: Final = b"data"

AWAY: Final = "The events of answers cannot be reached. Try again in a moment."

Entry = tuple[bytes, dict[bytes, bytes]]
Answer = TypeVar("Answer")


class RedisLog:
    """An event's entry has the id `<number + 1>-0`, so a reader's place is its number. What opens
    a log is its entry `0-1`; what ends it has the time as its id, which no number ever reaches.

    Raises Unavailable while Redis is away.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def append(self, key: str, events: Sequence[Event], *, last: bool = False) -> None:
        name = PREFIX + key
        pipe = self._redis.pipeline(transaction=True)
        for event in events:
            pipe.xadd(name, {DATA: event.data}, f"{event.number + 1}-0", maxlen=MOST_EVENTS)
        if last:
            pipe.xadd(name, {END: b""})
        elif not events:
            pipe.xadd(name, {b"open": b""}, "0-1")
        pipe.expire(name, int(KEPT_SECONDS) if last else LIVE_SECONDS)
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


def connect(url: str) -> RedisLog:
    return RedisLog(Redis.from_url(url))


async def _asked(answer: Awaitable[Answer]) -> Answer:
    try:
        return await answer
    except RedisError as error:
        raise Unavailable(AWAY, retry_after=2) from error


def _require_done(result: object) -> None:
    """That an entry is there already is no error: a lost connection made us send it again."""
    if isinstance(result, RedisError) and "equal or smaller" not in str(result):
        raise Unavailable(AWAY, retry_after=2) from result


def _require_next(event: Event, after: int) -> None:
    if event.number > after + 1:
        raise EventsGone  # what came between has been trimmed


def _number(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) - 1
