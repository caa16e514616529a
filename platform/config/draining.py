"""How a web process stops: readiness fails at once, calls and Runs end, connections close."""

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from accounts import metering
from api import database, health, open_places, sharing
from billing import ledger
from chatbots.consumers import tabs
from inference import event_log, reading, runs
from inference.engines import registry

LINGER_SECONDS = 1.5
"""Who is connected and asks nothing may still ask once: a proxy that gives up its idle connections
sooner than this (`keepalive_timeout 1s`) never sends a call into one that closes."""

_SETTLING_SECONDS = 2.0  # every reader is gone by now


@dataclass
class Drain:
    """One stop, from the first signal on; the second one ends the waiting."""

    seconds: float
    forced: bool = False
    started: float | None = None

    def begin(self) -> bool:
        """A signal came. True for the first; the next ones force the end."""
        if self.started is not None:
            self.forced = True
            return False
        self.started = time.monotonic()
        health.draining = True
        return True

    def waits(self) -> bool:
        """May calls in progress still go on?"""
        return not self.forced and time.monotonic() - (self.started or 0) < self.seconds

    def lingers(self) -> bool:
        """May those go on who are connected and have not asked anything yet?"""
        return self.waits() and time.monotonic() - (self.started or 0) < LINGER_SECONDS

    async def runs_end(self) -> None:
        """Wait for answers that are kept, though nobody reads them now."""
        while self.waits() and runs.open_runs():  # noqa: ASYNC110 - as for calls, the end is polled
            await asyncio.sleep(0.02)


def let_in(listener: socket.socket) -> Iterator[socket.socket]:
    """Who has knocked before `listener` closes, and believes to be in: the kernel said so."""
    with listener:
        listener.setblocking(False)
        while True:
            try:
                caller, _address = listener.accept()
            except OSError:  # nobody else, or no room for them
                return
            yield caller


async def close_parts() -> None:
    """The last acts of an event loop: money first, then what carried it."""
    await runs.drain(_SETTLING_SECONDS)
    await reading.drain(_SETTLING_SECONDS)
    await ledger.drain()
    await registry.close()
    await tabs.close()
    await event_log.close()
    await open_places.close()
    await sharing.close()
    await metering.write()
    await database.close()
