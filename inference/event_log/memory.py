"""The event log in this process: a ring for each key, bounded in all."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Final

from inference.event_log.events import BATCH, KEPT_SECONDS, MOST_EVENTS, Event, EventsGone, Growth

MOST_SIZE: Final = 8 * 1024 * 1024  # of one key
MOST_IN_ALL: Final = 256 * 1024 * 1024
OVERHEAD: Final = 200  # bytes of an event besides its text


class MemoryLog:
    """Of one event loop. When all is full, the log that grew longest ago is forgotten first:
    those that have ended, since the others still grow."""

    def __init__(self, most_in_all: int = MOST_IN_ALL, kept_seconds: float = KEPT_SECONDS) -> None:
        self.size = 0
        self._most_in_all = most_in_all
        self._kept_seconds = kept_seconds
        self._rings: OrderedDict[str, _Ring] = OrderedDict()

    async def append(self, key: str, events: Sequence[Event], *, last: bool = False) -> None:
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = _Ring(events[0].number - 1 if events else -1)
        self._rings.move_to_end(key)
        self.size += ring.extend(events)
        if last and not ring.ended:
            ring.ended = True
            loop = asyncio.get_running_loop()
            ring.timer = loop.call_later(self._kept_seconds, self._forget, key)
        ring.wake()
        while self.size > self._most_in_all:
            self._forget(next(iter(self._rings)))

    async def read(self, key: str, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        ring = self._rings.get(key)
        if ring is None:
            raise EventsGone(key)
        while True:
            if events := ring.since(after):
                after = events[-1].number
                yield events
            elif ring.ended:
                return
            else:
                await ring.grown.wait()

    async def known(self, key: str) -> bool:
        return self.has(key)

    async def is_over(self, key: str) -> bool:
        ring = self._rings.get(key)
        return ring is None or ring.ended

    def has(self, key: str) -> bool:
        return key in self._rings

    def growth(self, key: str, after: int) -> Growth:
        """What can be told at once to who knows all up to `after`: nothing of a forgotten log."""
        ring = self._rings.get(key)
        if ring is None:
            return Growth(key, ())
        events = ring.since(max(after, ring.dropped))
        told = events[-1].number if events else after
        return Growth(key, events, ring.ended and told >= ring.newest)

    async def forget(self, key: str) -> None:
        self._forget(key)

    async def close(self) -> None:
        for key in list(self._rings):
            self._forget(key)

    def _forget(self, key: str) -> None:
        if ring := self._rings.pop(key, None):
            self.size -= ring.size
            ring.lose()


class _Ring:
    def __init__(self, dropped: int) -> None:
        self.events: list[Event] = []
        self.dropped = dropped  # the number of the newest event that is not here any more
        self.size = 0
        self.ended = False
        self.gone = False
        self.grown = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None

    @property
    def newest(self) -> int:
        return self.events[-1].number if self.events else self.dropped

    def extend(self, events: Sequence[Event]) -> int:
        """How much larger it is now; less than nothing when old events had to go."""
        before = self.size
        self.events += events
        self.size += sum(_size(event) for event in events)
        if len(self.events) > MOST_EVENTS or self.size > MOST_SIZE:
            self._drop_a_quarter()
        return self.size - before

    def since(self, after: int) -> Sequence[Event]:
        if self.gone or after < self.dropped:
            raise EventsGone
        place = bisect_right(self.events, after, key=lambda event: event.number)
        return self.events[place : place + BATCH]

    def wake(self) -> None:
        self.grown.set()
        self.grown.clear()

    def lose(self) -> None:
        self.gone = True
        if self.timer:
            self.timer.cancel()
        self.wake()

    def _drop_a_quarter(self) -> None:
        """At once, so that a full ring does not move its events at every step."""
        place = 0
        while len(self.events) - place > MOST_EVENTS * 3 // 4 or self.size > MOST_SIZE * 3 // 4:
            self.dropped = self.events[place].number
            self.size -= _size(self.events[place])
            place += 1
        del self.events[:place]


def _size(event: Event) -> int:
    return len(event.data) + OVERHEAD
