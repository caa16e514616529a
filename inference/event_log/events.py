"""What is in an event log, and what every home of one promises."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

KEPT_SECONDS: Final = 600.0
"""How long events can be read again after the end."""
MOST_EVENTS: Final = 32_768
"""Of one key; the oldest go first."""
BATCH: Final = 256
"""Events that a reader who comes late is given at once."""


@dataclass(frozen=True, slots=True)
class Event:
    """`number` is the event's sequence_number (from 0, without gaps), `data` its JSON text."""

    number: int
    data: str


@dataclass(frozen=True, slots=True)
class Growth:
    """What has come to a log; with `last`, all that ever will."""

    key: str
    events: Sequence[Event]
    last: bool = False


class EventsGone(Exception):
    """The log does not reach back so far, or does not know the key."""


class EventsAway(EventsGone):
    """The events may be in another process, but Redis, which would bring them, is away."""


class EventLog(Protocol):
    """Writers never wait for readers; readers go at their own pace, or lose the log."""

    async def append(self, key: str, events: Sequence[Event], *, last: bool = False) -> None:
        """Add events. None at all opens the log, so that it can be read before the first one."""

    def read(self, key: str, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        """Events with a number above `after`, then live ones, until the last.

        Raises EventsGone, at once or when this reader has fallen behind what is kept.
        """

    async def known(self, key: str) -> bool: ...

    async def is_over(self, key: str) -> bool:
        """Nothing will come to this log any more: it has ended, or nobody knows of it."""

    async def forget(self, key: str) -> None:
        """Nobody may read this any more; those who do are told EventsGone."""

    async def close(self) -> None: ...
