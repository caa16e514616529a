"""Back-pressure for Daphne: an application's `send` waits while its client does not read.

Stock Daphne hands every chunk to the transport, however much waits there already. Twisted tells a
registered producer when more than 64 KB wait, and when they have left: that is what holds `send`.
"""

import asyncio
from typing import Final

STALL_SECONDS: Final = 30.0


class Flow:
    """Open while the client keeps up; a push producer, as Twisted calls it."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._open.set()

    async def opened(self) -> bool:
        """Wait until the client has read; False when it did not for STALL_SECONDS."""
        if self._open.is_set():
            return True
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await self._open.wait()
        except TimeoutError:
            return False
        return True
