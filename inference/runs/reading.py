"""The events of a Run, kept once and read by any number of readers, each at its own pace."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from inference.engines.base import Delta, joined

LAG = 256  # events that a reader may be behind before new ones are joined to the last
JOINED_TEXT = 4096  # characters of a joined event


class EventLog:
    """Append-only; an event's number is its place. Bounded: late readers get longer events."""

    def __init__(self) -> None:
        self.events: list[Delta] = []
        self.complete = False
        self.ended = False
        self._read = 0
        self._last_of_choice: dict[int, int] = {}  # among the unread ones
        self._grown = asyncio.Event()

    def extend(self, deltas: Sequence[Delta]) -> None:
        if len(self.events) - self._read + len(deltas) <= LAG:
            self.events.extend(deltas)
        else:
            for delta in deltas:
                self._append_or_join(delta)
        self._wake()

    def finish(self) -> None:
        """All is said and counted. The end comes when it is paid for."""
        self.complete = True
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def since(self, number: int) -> Sequence[Delta]:
        """The events from `number` on. They are read now, and will not change any more."""
        self._read = len(self.events)
        self._last_of_choice.clear()
        return self.events[number:]

    async def growth(self) -> None:
        """Wait for more events, for the end, or for a reader's close."""
        await self._grown.wait()

    def _append_or_join(self, delta: Delta) -> None:
        place = self._last_of_choice.get(delta.index)
        if place is not None and len(self.events[place].text) < JOINED_TEXT:
            self.events[place] = joined(self.events[place], delta)
        else:
            self._last_of_choice[delta.index] = len(self.events)
            self.events.append(delta)

    def _wake(self) -> None:
        self._grown.set()
        self._grown.clear()


class Reader:
    """One who listens: `async for deltas in reader`. It counts as present until it is closed."""

    def __init__(self, log: EventLog, after: int, leave: Callable[["Reader"], None]) -> None:
        self.closed = False
        self._log = log
        self._next = after
        self._leave = leave

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        while not self.closed:
            if deltas := self.ready():
                return deltas
            if self._log.ended:
                break
            await self._log.growth()
        raise StopAsyncIteration

    def ready(self) -> Sequence[Delta]:
        """What has come and was not read yet, without waiting."""
        deltas = self._log.since(self._next)
        self._next += len(deltas)
        return deltas

    async def completion(self) -> bool:
        """Wait until all is said and counted, though it may not be paid for yet. False where it
        never will be, or this reader is closed."""
        while not (self.closed or self._log.complete or self._log.ended):
            await self._log.growth()
        return self._log.complete and not self.closed

    async def finish(self) -> None:
        """Wait for the end without reading, or until this reader is closed."""
        while not (self.closed or self._log.ended):
            await self._log.growth()

    def close(self) -> None:
        """Leave. Synchronous and repeatable, so that any ending of a call can do it."""
        if not self.closed:
            self.closed = True
            self._leave(self)
            self._log._wake()  # noqa: SLF001 - the two are one mechanism; it may be waiting right now
