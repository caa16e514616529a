"""What was charged must be written down: tried again for as long as the database is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from inference.runs.failures import DATABASE_AWAY

FIRST_RETRY: Final = 0.25  # seconds between attempts
LAST_RETRY: Final = 5.0


async def until_it_went_through(
    post: Callable[[], Awaitable[None]], away: Callable[[], None]
) -> None:
    """`away` is called after every attempt that met no database."""
    pause = FIRST_RETRY
    while not await _went_through(post, away):
        await asyncio.sleep(pause)
        pause = min(2 * pause, LAST_RETRY)


async def _went_through(post: Callable[[], Awaitable[None]], away: Callable[[], None]) -> bool:
    try:
        await post()
    except DATABASE_AWAY:
        away()
        return False
    return True
