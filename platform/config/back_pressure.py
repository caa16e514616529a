"""Back-pressure for Daphne: an application's `send` waits while its client does not read.

Stock Daphne hands every chunk to the transport, however much waits there already. Twisted tells a
registered producer when more than 64 KB wait, and when they have left: that is what holds `send`.
"""

import asyncio
from typing import Any, Final

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


def write_at_once(wire: Any) -> None:
    """Let a Twisted transport send what it is given now, instead of in the next turn of the loop.

    Twisted asks the kernel to be told when it may write, also where it may at once; a stream pays
    for that with every token. What does not fit, and the end of a connection, go its usual way.
    """
    in_its_turn = wire.startWriting

    def start() -> None:
        waiting = bool(wire.dataBuffer or wire._tempDataBuffer)  # noqa: SLF001 - nobody else knows
        if not waiting or wire.doWrite() is not None or wire.dataBuffer:
            in_its_turn()

    wire.startWriting = start
