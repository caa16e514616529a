"""Sockets learn here that the server stops: one look for all of them, four times a second."""

import asyncio
import weakref
from typing import Final, Protocol

from api import health

INTERVAL: Final = 0.25


class Closable(Protocol):
    def server_stops(self) -> None: ...


class Closing:
    """The sockets of one event loop."""

    def __init__(self) -> None:
        self._open: set[Closable] = set()
        self._timer: asyncio.TimerHandle | None = None

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
            self._wait()
            return
        self._timer = None
        for socket in list(self._open):
            socket.server_stops()


_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Closing]" = (
    weakref.WeakKeyDictionary()
)


def of_this_loop() -> Closing:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Closing()
    return _of_loop[loop]
