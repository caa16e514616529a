"""What ends sockets from outside: the server stops, or their key is not good any more.

One look for all sockets of an event loop, four times a second; each fourth asks for their keys.
"""

import asyncio
import logging
import weakref
from itertools import count
from typing import Final, Protocol

from accounts.authentication import still_good
from api import health
from inference.runs.failures import DATABASE_AWAY

INTERVAL: Final = 0.25
KEYS_EVERY: Final = 4  # looks
logger = logging.getLogger(__name__)


class Closable(Protocol):
    key_id: str

    def server_stops(self) -> None: ...

    def key_ended(self) -> None: ...


class Closing:
    """The sockets of one event loop."""

    def __init__(self) -> None:
        self._open: set[Closable] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks = count(1)
        self._asking: asyncio.Task[None] | None = None

    def follow(self, socket: Closable) -> None:
        self._open.add(socket)
        if self._timer is None:
            self._wait()

    def forget(self, socket: Closable) -> None:
        self._open.discard(socket)
        if self._timer and not self._open:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        if not health.draining:
            if next(self._looks) % KEYS_EVERY == 0 and (not self._asking or self._asking.done()):
                self._asking = asyncio.create_task(self._ask_for_keys())
            self._wait()
            return
        self._timer = None
        for socket in list(self._open):
            socket.server_stops()

    async def _ask_for_keys(self) -> None:
        """While the database is away nobody is sent off."""
        sockets = list(self._open)
        try:
            good = await still_good({socket.key_id for socket in sockets})
        except DATABASE_AWAY:
            logger.warning("keys_not_asked_for", extra={"sockets": len(sockets)})
            return
        for socket in sockets:
            if socket.key_id not in good:
                socket.key_ended()


_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Closing]" = (
    weakref.WeakKeyDictionary()
)


def of_this_loop() -> Closing:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Closing()
    return _of_loop[loop]
