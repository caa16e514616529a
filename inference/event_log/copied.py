"""The event log of a process beside others: events lie here, and Redis has copies for the rest."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from inference.event_log.events import Event, EventsAway, EventsGone, Growth
from inference.event_log.memory import MemoryLog
from inference.event_log.redis_streams import RedisStreams, reached_by

PATIENCE: Final = 0.5  # seconds that who opens a log waits for its copy
AGAIN_SECONDS: Final = 1.0  # between attempts to reach Redis
LOGS_AT_ONCE: Final = 64
logger = logging.getLogger(__name__)


class CopiedLog:
    """Writers and readers of this process never miss Redis. What opens a log is copied before
    anybody is told of it, so that the others know it, too; the rest follows at once, of all logs in
    one go. When Redis comes back, empty or not, it gets whatever has not ended there.
    """

    def __init__(self, here: MemoryLog, copies: RedisStreams) -> None:
        self._here = here
        self._copies = copies
        self._copied: dict[str, int] = {}  # of those that are not copied to the end: up to where
        self._grown: dict[str, None] = {}  # who waited longest comes first
        self._more = asyncio.Event()
        self._opening: dict[str, asyncio.Future[None]] = {}
        self._patient = True  # is a copy worth waiting for?
        self._away = self._closing = False
        self._copying = asyncio.create_task(self._copy())

    async def append(self, key: str, events: Sequence[Event], *, last: bool = False) -> None:
        opens = not self._here.has(key)
        await self._here.append(key, events, last=last)
        if opens:
            self._copied[key] = -1
        if key in self._copied:
            self._grown[key] = None
            self._more.set()
        if opens and self._patient:
            await self._opened(key)

    async def read(self, key: str, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        with suppress(EventsGone):  # Redis may have what was dropped here
            async for events in self._here.read(key, after):
                yield events
                after = events[-1].number
            return
        async for events in self._copies.read(key, after):
            yield events

    async def known(self, key: str) -> bool:
        return self._here.has(key) or await self._copies.known(key)

    async def is_over(self, key: str) -> bool:
        where = self._here if self._here.has(key) else self._copies
        return await where.is_over(key)

    async def forget(self, key: str) -> None:
        self._copied.pop(key, None)
        await self._here.forget(key)
        await self._copies.forget(key)

    async def close(self) -> None:
        """What has ended just now is copied to its end."""
        self._closing = True
        self._more.set()
        await asyncio.wait([self._copying], timeout=PATIENCE)
        self._copying.cancel()
        await self._here.close()
        await self._copies.close()

    async def _opened(self, key: str) -> None:
        opened = self._opening[key] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                await opened
        except TimeoutError:
            self._patient = False
            logger.warning("events_shared_late")
        finally:
            del self._opening[key]

    async def _copy(self) -> None:
        while not self._closing:
            await self._more.wait()
            self._more.clear()
            try:
                await self._catch_up()
            except EventsAway as error:
                self._lose(error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _catch_up(self) -> None:
        if self._away:
            await self._copies.known("")
            self._away = False
            logger.info("events_shared_again")
        while grown := self._next():
            await self._copies.write(grown)
            self._patient = True
            for growth in grown:
                self._note(growth)

    def _next(self) -> Sequence[Growth]:
        """What is to be copied now; a log without any waits no longer."""
        found = []
        for key in list(self._grown):
            growth = self._here.growth(key, self._copied.get(key, -1))
            if growth.events or growth.last or key in self._opening:
                found.append(growth)
            else:
                del self._grown[key]
                if not self._here.has(key):
                    self._copied.pop(key, None)
            if len(found) == LOGS_AT_ONCE:
                break
        return found

    def _note(self, growth: Growth) -> None:
        key = growth.key
        self._grown.pop(key, None)
        if growth.last:
            self._copied.pop(key, None)
        elif key in self._copied:
            if growth.events:
                self._copied[key] = growth.events[-1].number
            self._grown[key] = None  # there may be more by now
        self._tell_opened(key)

    def _tell_opened(self, key: str) -> None:
        opened = self._opening.get(key)
        if opened and not opened.done():
            opened.set_result(None)

    def _lose(self, error: Exception) -> None:
        if not self._away:
            logger.warning("events_not_shared", extra={"reason": repr(error.__cause__ or error)})
        self._away, self._patient = True, False
        for key in self._opening:
            self._tell_opened(key)  # nobody waits for it
        self._copied = dict.fromkeys(self._copied, -1)  # it may come back empty
        self._grown = dict.fromkeys(self._copied)
        self._more.set()


def connect(url: str) -> CopiedLog:
    return CopiedLog(MemoryLog(), reached_by(url))
