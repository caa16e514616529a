"""Reading a log whose writer may have died without a last word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from inference.event_log.events import Event

SILENT_SECONDS: Final = 5.0


async def watched(
    log: AsyncIterator[Sequence[Event]], is_over: Callable[[bool], Awaitable[bool]]
) -> AsyncIterator[Sequence[Event]]:
    """What is read from `log`, until it ends or `is_over`. That is asked before each wait, and told
    whether nothing came in the last one."""
    following = asyncio.ensure_future(anext(log, None))
    silent = False
    try:
        while not await is_over(silent):
            await asyncio.wait([following], timeout=SILENT_SECONDS)
            silent = not following.done()
            if silent:
                continue
            if (events := following.result()) is None:
                return
            following = asyncio.ensure_future(anext(log, None))
            yield events
    finally:
        following.cancel()
