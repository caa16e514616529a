"""What web processes share through Redis, and what it costs: `python -m bench.shared`.

Figures are for each second of a processor: of Redis (its own INFO tells), and of the web process.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from api import open_places  # noqa: E402 - Django must be set up first
from api.redis_road import Road  # noqa: E402 - as above
from api.shared_windows import SharedWindows  # noqa: E402 - as above
from api.windows import Wish  # noqa: E402 - as above
from inference.event_log.copied import CopiedLog, connect  # noqa: E402 - as above
from inference.event_log.events import Event  # noqa: E402 - as above
from tests import redis_server  # noqa: E402 - as above

SECONDS = 3.0
KEYS = 100
DELTA = (
    '{"type":"response.output_text.delta","delta":" word","sequence_number":%d,' + " " * 120 + "}"
)


@dataclass
class Cost:
    done: int = 0
    ours: float = 0.0
    theirs: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.done / self.theirs:>12,.0f} {self.done / self.ours:>12,.0f} "
            f"{1000 * self.ours / self.done:>12.3f}"
        )


@asynccontextmanager
async def measured(road: Road) -> AsyncIterator[Cost]:
    """Processor seconds of both sides, while the block counts what is `done`."""
    cost, began = Cost(), await _used(road)
    cost.ours -= time.process_time()
    yield cost
    cost.ours += time.process_time()
    cost.theirs = await _used(road) - began


async def _used(road: Road) -> float:
    told = await road.aask("INFO", "cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


async def limits(road: Road, at_once: int) -> Cost:
    """What a call takes: a request, tokens, and most of the tokens given back."""
    windows = SharedWindows(road)

    async def call(number: int) -> None:
        key, taken = f"bench {number % KEYS}", uuid4().hex
        await windows.atake(taken, [Wish(f"{key}:requests", 1, 10**9, 60.0)])
        await windows.atake(taken, [Wish(f"{key}:tokens", 900, 10**9, 60.0)])
        windows.give_back(taken, [f"{key}:tokens"], 5)

    return await _repeated(road, at_once, call)


async def sockets(road: Road, at_once: int) -> Cost:
    """A socket that is opened, counted and closed."""
    counts = open_places._SharedCounts(road)  # noqa: SLF001 - what a process has

    async def call(number: int) -> None:
        await counts.take(f"bench {number}", 10)
        counts.give_back(f"bench {number}")

    cost = await _repeated(road, at_once, call)
    await counts.close()
    return cost


async def events(road: Road, log: CopiedLog, at_once: int) -> Cost:
    """Events of answers that are written beside each other, 25 ms apart as a chat's are."""
    until = time.monotonic() + SECONDS

    async def answer() -> int:
        key, number = uuid4().hex, 0
        while time.monotonic() < until:
            await log.append(key, [Event(number, DELTA % number)])
            number += 1
            await asyncio.sleep(0.025)
        await log.append(key, [], last=True)
        return number

    async with measured(road) as cost:
        cost.done = sum(await asyncio.gather(*(answer() for _ in range(at_once))))
        await asyncio.sleep(0.2)  # the last copies
    return cost


async def _repeated(road: Road, at_once: int, call: Callable[[int], Awaitable[None]]) -> Cost:
    until = time.monotonic() + SECONDS

    async def caller(number: int) -> int:
        done = 0
        while time.monotonic() < until:
            await call(number + done * at_once)
            done += 1
        return done

    async with measured(road) as cost:
        cost.done = sum(await asyncio.gather(*(caller(number) for number in range(at_once))))
    return cost


async def run(url: str) -> None:
    road, log = Road(url), connect(url)
    title = ("for each CPU second:", "of Redis", "of the web", "ms of web")
    print(f"{title[0]:32}" + "".join(f" {word:>12}" for word in title[1:]))
    for at_once in (1, 64):
        print(f"{f'calls with limits, {at_once} at once':32} {await limits(road, at_once)}")
    print(f"{'sockets counted, 64 at once':32} {await sockets(road, 64)}")
    for at_once in (16, 400):
        print(f"{f'events copied, {at_once} answers':32} {await events(road, log, at_once)}")
    await log.close()
    await road.close()


def main() -> int:
    if redis_server.PROGRAM is None:
        print(redis_server.MISSING)
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server.running(Path(folder)) as redis,
    ):
        asyncio.run(run(redis.url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
