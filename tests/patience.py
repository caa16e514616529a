"""How long tests wait for what takes a moment: a passing run waits for none of it."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

PATIENCE: Final = 60.0  # seconds, on a machine with much else to do
End = TypeVar("End")


async def soon(end: Awaitable[End]) -> End:
    """What comes by itself, long before anybody's patience ends."""
    return await asyncio.wait_for(end, PATIENCE)
