"""Frames on their way to one client, which may read slowly, but not too slowly."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from chatbots.protocol.limits import QUEUED_BYTES, STALL_SECONDS

_ROOM: Final = QUEUED_BYTES // 4


class Outbox:
    """`put` never waits. Who can wait says `send`: its frame leaves at once, by the caller's own
    task, where no other waits; and who has much to say cannot outrun the client.

    `too_slow` is called when more than QUEUED_BYTES wait, or one frame for STALL_SECONDS.
    """

    def __init__(
        self, wire: Callable[[str], Awaitable[None]], too_slow: Callable[[], None]
    ) -> None:
        self.put_at = 0.0  # on the loop's clock
        self._wire = wire
        self._too_slow = too_slow
        self._waiting: deque[tuple[str, int]] = deque()
        self._size = 0
        self._closed = False
        self._moved = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def put(self, text: str) -> None:
        if self._added(text) and self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def send(self, text: str) -> None:
        """Returns when little is left to send."""
        if not self._added(text):
            return
        if self._writer is None:
            self._writer = asyncio.current_task()
            await self._write()
        while self._size > _ROOM and not self._closed:
            await self._moved.wait()

    async def emptied(self) -> None:
        while self._writer is not None and not self._closed:
            await self._moved.wait()

    def close(self) -> None:
        """The client has gone: nothing is sent any more, and nobody waits."""
        self._closed = True
        self._waiting.clear()
        self._size = 0
        if self._writer is not None:
            self._writer.cancel()
        self._move()

    def _added(self, text: str) -> bool:
        if self._closed:
            return False
        self.put_at = asyncio.get_running_loop().time()
        size = len(text.encode())
        if self._waiting and self._size + size > QUEUED_BYTES:
            self._give_up()
            return False
        self._waiting.append((text, size))
        self._size += size
        return True

    async def _write(self) -> None:
        try:
            while self._waiting:
                text, size = self._waiting[0]
                async with asyncio.timeout(STALL_SECONDS):
                    await self._wire(text)
                if self._waiting:  # or it was closed meanwhile
                    self._waiting.popleft()
                    self._size -= size
                self._move()
        except TimeoutError:
            self._give_up()
        except OSError:  # it left between two frames; the socket is about to hear of it
            self.close()
        finally:
            self._writer = None
            if self._waiting:  # whose task it was is called away
                self._writer = asyncio.create_task(self._write())
            self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved.clear()

    def _give_up(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._size = 0
        self._move()
        self._too_slow()
