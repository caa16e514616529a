"""The places that serve one model: who gets the next request, who rests, who is well again."""

import asyncio
import itertools
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from inference.engines.base import EngineError, EngineUnavailable

FAILURES: Final = 3  # in a row, and a replica is left alone
FIRST_REST, LONGEST_REST = 1.0, 30.0
MISSED_CHECKS: Final = 2
CHECK_SECONDS, CHECK_PATIENCE = 5.0, 3.0
IDLE_SECONDS: Final = 60.0  # without a request nobody asks how the replicas are
TRIES: Final = 3  # replicas that one request may visit
Made = TypeVar("Made")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Fault(Exception):
    """This replica could not do it. `moves`: another one may be asked, as long as nothing has been
    said; `breaks`: it counts against this one."""

    error: EngineError
    moves: bool = True
    breaks: bool = True


class Replica:
    """One server, or engine process. `outstanding` counts this process's requests there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.outstanding = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self._waiting: set[asyncio.Timeout] = set()
        self._failures = 0
        self._missed = 0
        self._rest = FIRST_REST
        self._rests_until = 0.0
        self._spoke_at = -math.inf

    @property
    def speaks(self) -> bool:
        """Then it is well, and is not asked: some servers answer nobody else meanwhile."""
        return time.monotonic() - self._spoke_at < CHECK_SECONDS

    @property
    def down(self) -> bool:
        return self._missed >= MISSED_CHECKS

    @property
    def ready(self) -> bool:
        """Well, or rested long enough that one request may try (the breaker is half open)."""
        if self.down:
            return False
        return self._failures < FAILURES or time.monotonic() >= self._rests_until

    def took(self) -> None:
        self.outstanding += 1
        self.idle.clear()

    def left(self) -> None:
        self.outstanding -= 1
        if not self.outstanding:
            self.idle.set()

    @asynccontextmanager
    async def patience(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """For its first words; cut short when it is down."""
        async with asyncio.timeout(seconds) as patience:
            self._waiting.add(patience)
            try:
                yield patience
            finally:
                self._waiting.discard(patience)

    def spoke(self) -> None:
        self._spoke_at = time.monotonic()

    def chosen(self) -> None:
        """While the breaker is half open one request tries; the others wait what it finds, and the
        next one waits longer."""
        if self._failures >= FAILURES:
            self._rest = min(2 * self._rest, LONGEST_REST)
            self._rests_until = time.monotonic() + self._rest

    def succeeded(self) -> None:
        self._failures, self._rest = 0, FIRST_REST

    def failed(self) -> None:
        """All that ran on one that died fail at once: that is one rest, not one for each."""
        self._failures += 1
        if self._failures == FAILURES:
            self._rests_until = time.monotonic() + self._rest

    def answered_check(self, *, well: bool) -> None:
        if well and self.down:
            self.succeeded()  # it has come back
        self._missed = 0 if well else self._missed + 1
        if self._missed == MISSED_CHECKS:
            for patience in self._waiting:
                if not patience.expired():
                    patience.reschedule(0)  # its waiting requests move; streams that run go on


Begin = Callable[[Replica, bool], Awaitable[Made]]
"""Asks the replica; True when it is the last one that may be asked. Raises Fault."""


class Replicas:
    """Of one engine. `well` says whether the one at an address is; checks begin with the first
    request and end a minute after the last."""

    def __init__(self, addresses: tuple[str, ...], well: Callable[[str], Awaitable[bool]]) -> None:
        self.all = [Replica(address) for address in addresses]
        self._well = well
        self._turns = itertools.count()
        self._used = 0.0
        self._checking: asyncio.Task[None] | None = None

    async def first(self, begin: Begin[Made], before: Replica | None = None) -> Made:
        """What the first one makes that can; none is asked twice. Raises EngineError."""
        self._keep_checking()
        most = min(TRIES, len(self.all))
        refused: EngineError | None = None
        for tries, replica in enumerate(self.in_turn(before), 1):
            try:
                return await begin(replica, tries == most)
            except Fault as fault:
                self.note(replica, fault)
                refused = fault.error
                if not fault.moves or tries == most:
                    break
        raise refused or EngineUnavailable("No server of this model is well. It is tried again.")

    def in_turn(self, before: Replica | None = None) -> Iterator[Replica]:
        """Whoever is ready and has least to do, then the next best; `before` all of them the one
        that is known to be there, unless it is down. Nobody twice."""
        tried: set[Replica] = set()
        if before is not None:
            tried.add(before)
            if not before.down:
                yield before
        while left := [one for one in self.all if one.ready and one not in tried]:
            turn = next(self._turns)  # equals take turns
            best = min(
                range(len(left)), key=lambda at: (left[at].outstanding, (at - turn) % len(left))
            )
            tried.add(left[best])
            left[best].chosen()
            yield left[best]

    def note(self, replica: Replica, fault: Fault) -> None:
        if fault.breaks:
            replica.failed()
            detail = {"server": replica.address, "reason": str(fault.error)}
            logger.warning("remote_engine_failed", extra=detail, exc_info=fault.__cause__)

    async def idle(self) -> None:
        """Wait until what runs has ended."""
        for replica in self.all:
            await replica.idle.wait()

    async def close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])

    async def answers(self, replica: Replica) -> bool:
        try:
            async with asyncio.timeout(CHECK_PATIENCE):
                return await self._well(replica.address)
        except TimeoutError:
            return False

    def _keep_checking(self) -> None:
        self._used = time.monotonic()
        if self._checking is None or self._checking.done():
            for replica in self.all:
                replica.answered_check(well=True)  # what was seen a minute ago says nothing now
            self._checking = asyncio.create_task(self._check())

    async def _check(self) -> None:
        while time.monotonic() - self._used < IDLE_SECONDS:
            await asyncio.gather(*map(self._ask, self.all))
            await asyncio.sleep(CHECK_SECONDS)

    async def _ask(self, replica: Replica) -> None:
        well = replica.speaks or await self.answers(replica) or replica.speaks
        replica.answered_check(well=well)
