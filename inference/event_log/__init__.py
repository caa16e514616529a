"""What a stored answer's readers follow: its events, in this process, with copies in Redis."""

import asyncio
import importlib
import weakref

from django.conf import settings

from inference.event_log.events import Event, EventLog, EventsAway, EventsGone
from inference.event_log.memory import MemoryLog
from inference.event_log.watching import watched

__all__ = [
    "Event",
    "EventLog",
    "EventsAway",
    "EventsGone",
    "close",
    "event_log",
    "key_of",
    "watched",
]

_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLog]" = (
    weakref.WeakKeyDictionary()
)


def event_log() -> EventLog:
    """The log of this event loop; with `REDIS_URL` other processes can read it, too."""
    loop = asyncio.get_running_loop()
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = _made()
    return found


def key_of(organisation_id: str, response_id: str) -> str:
    """Nobody reads by an id alone, so that a stranger's is as unknown as one that never was."""
    return f"{organisation_id}/{response_id}"


async def close() -> None:
    """An event loop's last act."""
    if found := _of_loop.pop(asyncio.get_running_loop(), None):
        await found.close()


def _made() -> EventLog:
    if not settings.REDIS_URL:
        return MemoryLog()
    # Imported only here: who has one process needs no Redis client.
    log: EventLog = importlib.import_module("inference.event_log.copied").connect(
        settings.REDIS_URL
    )
    return log
