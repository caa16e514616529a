"""What reaches open sockets from outside: the server stops, a key ends, time passes.

One look for all sockets of an event loop, four times a second; each fourth asks the database.
"""

import asyncio
import logging
import weakref
from collections.abc import Collection, Sequence
from itertools import count
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from accounts.authentication import still_good
from api import database, health
from inference.runs.failures import DATABASE_AWAY

INTERVAL: Final = 0.25
ASKED_EVERY: Final = 4  # looks
logger = logging.getLogger(__name__)


class Open(Protocol):
    key_id: str

    def server_stops(self) -> None:
        """Told once; from then on it looks after its own end."""

    def key_ended(self) -> None: ...


Socket = TypeVar("Socket", bound=Open)
_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type, Any]]" = (
    weakref.WeakKeyDictionary()
)


class Watch(Generic[Socket]):
    """The sockets of one kind, of one event loop."""

    @classmethod
    def of_this_loop(cls) -> Self:
        kinds = _of_loop.setdefault(asyncio.get_running_loop(), {})
        if cls not in kinds:
            kinds[cls] = cls()
        found: Self = kinds[cls]
        return found

    def __init__(self) -> None:
        self._open: set[Socket] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks = count(1)
        self._asking = False

    def follow(self, socket: Socket) -> None:
        self._open.add(socket)
        if self._timer is None:
            self._wait()

    def forget(self, socket: Socket) -> None:
        self._open.discard(socket)
        if self._timer and not self._open:
            self._timer.cancel()
            self._timer = None

    def time_passes(self, sockets: Sequence[Socket]) -> None:
        """Once a second."""

    async def tell(self, sockets: Sequence[Socket], good: Collection[str]) -> None:
        """What the database says: `good` are the keys that would be let in now."""
        for socket in sockets:
            if socket.key_id not in good:
                socket.key_ended()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = None
        sockets = list(self._open)
        if health.draining:
            self._open.clear()
            for socket in sockets:
                socket.server_stops()
        elif next(self._looks) % ASKED_EVERY == 0:
            self.time_passes(sockets)
            if not self._asking:
                self._asking = True
                database.later(self._ask())
        if self._open:
            self._wait()

    async def _ask(self) -> None:
        """While the database is away nobody is sent off."""
        sockets = list(self._open)
        try:
            await self.tell(sockets, await still_good({socket.key_id for socket in sockets}))
        except DATABASE_AWAY:
            logger.warning("sockets_not_asked_for", extra={"sockets": len(sockets)})
        finally:
            self._asking = False
