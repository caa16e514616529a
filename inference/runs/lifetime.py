"""Where Runs begin and where the process waits for them: no Run is ever only a client's."""

import asyncio
import time

from api.errors import Unavailable
from inference.runs.order import Order
from inference.runs.run import Keep, Record, Run

LAST_WORDS = 5.0  # seconds for Runs that were cut to settle
_open: set[Run] = set()


def start(order: Order, keep: Keep, record: Record | None = None) -> Run:
    """Begin at once, in a task of its own. Take `run.events()` before the next await."""
    run = Run(order, keep, record)
    _open.add(run)
    run.task.add_done_callback(lambda _: _open.discard(run))
    return run


def open_runs() -> int:
    """How many Runs of this process are not settled yet."""
    return len(_open)


async def drain(seconds: float = 30.0) -> None:
    """Wait for this loop's Runs; those that take longer are cut, and settled as they are."""
    await _settled(seconds)
    for run in _of_this_loop():
        run.cut(Unavailable("The server is shutting down. Try again.", retry_after=2))
    await _settled(LAST_WORDS)


async def _settled(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (tasks := [run.task for run in _of_this_loop()]) and time.monotonic() < end:
        await asyncio.wait(tasks, timeout=end - time.monotonic())


def _of_this_loop() -> list[Run]:
    loop = asyncio.get_running_loop()
    return [run for run in _open if run.task.get_loop() is loop]
