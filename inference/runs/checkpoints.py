"""Once a second, one statement renews the leases of this process's Runs and notes their tokens."""

import asyncio
import logging
import weakref
from typing import Protocol

from billing import ledger
from inference.runs.failures import DATABASE_AWAY

INTERVAL = 1.0
logger = logging.getLogger(__name__)


class Held(Protocol):
    def checkpoint(self) -> ledger.Checkpoint: ...


class Checkpoints:
    """The Runs of one event loop that hold money, and the timer that speaks for them."""

    def __init__(self) -> None:
        self._held: set[Held] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None

    def follow(self, run: Held) -> None:
        self._held.add(run)
        if self._timer is None and self._renewal is None:
            self._wait()

    def forget(self, run: Held) -> None:
        self._held.discard(run)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._held:
            self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            await ledger.renew([run.checkpoint() for run in self._held])
        except DATABASE_AWAY:
            # Leases last a minute; what is swept after that is settled to the difference.
            logger.warning("leases_not_renewed", extra={"runs": len(self._held)})
        finally:
            self._renewal = None
            if self._held:
                self._wait()


_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Checkpoints]" = (
    weakref.WeakKeyDictionary()
)


def of_this_loop() -> Checkpoints:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Checkpoints()
    return _of_loop[loop]
