"""The servers of one model: who gets the next request, who is left alone, who is well again."""

import asyncio
import itertools
import math
import time
from collections.abc import Iterator
from typing import Final

from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections

FAILURES: Final = 3  # in a row, and a replica is left alone
FIRST_REST, LONGEST_REST = 1.0, 30.0
MISSED_CHECKS: Final = 2
CHECK_SECONDS, CHECK_PATIENCE = 5.0, 3.0
NOT_THERE: Final = frozenset({502, 503, 504})  # nobody is behind it, or it will not serve now
IDLE_SECONDS: Final = 60.0  # without a request nobody asks how the servers are


class Replica:
    """One server. `outstanding` counts this process's requests there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.outstanding = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.waiting: set[asyncio.Timeout] = set()  # for its first words; cut short when it is down
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
    def ready(self) -> bool:
        """Well, or rested long enough that one request may try (the breaker is half open)."""
        if self._missed >= MISSED_CHECKS:
            return False
        return self._failures < FAILURES or time.monotonic() >= self._rests_until

    def took(self) -> None:
        self.outstanding += 1
        self.idle.clear()

    def left(self) -> None:
        self.outstanding -= 1
        if not self.outstanding:
            self.idle.set()

    def spoke(self) -> None:
        self._spoke_at = time.monotonic()

    def chosen(self) -> None:
        """While the breaker is half open one request tries; the others wait what it finds."""
        self._rests_until = time.monotonic() + self._rest

    def succeeded(self) -> None:
        self._failures, self._rest = 0, FIRST_REST

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._rests_until = time.monotonic() + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)

    def answered_check(self, *, well: bool) -> None:
        self._missed = 0 if well else self._missed + 1
        if self._missed == MISSED_CHECKS:
            for patience in self.waiting:
                if not patience.expired():
                    patience.reschedule(0)  # its waiting requests move; streams that run go on


class Replicas:
    """Of one engine. Checks begin with the first request and end a minute after the last."""

    def __init__(self, urls: tuple[str, ...], connections: Connections) -> None:
        self.all = [Replica(url) for url in urls]
        self._connections = connections
        self._turns = itertools.count()
        self._used = 0.0
        self._checking: asyncio.Task[None] | None = None

    def in_turn(self) -> Iterator[Replica]:
        """Whoever is ready and has least to do, then the next best: nobody twice."""
        tried: set[Replica] = set()
        while left := [one for one in self.all if one.ready and one not in tried]:
            turn = next(self._turns)  # equals take turns
            best = min(
                range(len(left)), key=lambda at: (left[at].outstanding, (at - turn) % len(left))
            )
            tried.add(left[best])
            left[best].chosen()
            yield left[best]

    def keep_checking(self) -> None:
        self._used = time.monotonic()
        if self._checking is None or self._checking.done():
            for replica in self.all:
                replica.answered_check(well=True)  # what was seen a minute ago says nothing now
            self._checking = asyncio.create_task(self._check())

    async def idle(self) -> None:
        """Wait until what runs has ended."""
        for replica in self.all:
            await replica.idle.wait()

    async def close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])

    async def _check(self) -> None:
        while time.monotonic() - self._used < IDLE_SECONDS:
            await asyncio.gather(*map(self._ask, self.all))
            await asyncio.sleep(CHECK_SECONDS)

    async def _ask(self, replica: Replica) -> None:
        well = replica.speaks or await answers(self._connections, replica.url) or replica.speaks
        replica.answered_check(well=well)


async def answers(connections: Connections, url: str) -> bool:
    """Does the server answer? That it is full, or refuses our key, calls themselves will tell; and
    some answer 500 here (transformers serve without a cache) though they generate."""
    try:
        async with asyncio.timeout(CHECK_PATIENCE):
            async with connections.ask("GET", f"{url}/models") as told:
                return told.status not in NOT_THERE
    except (Broken, TimeoutError):
        return False
