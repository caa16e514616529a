"""The answers that one client reads, each by a task of its own."""

import asyncio

from chatbots.consumers import following
from chatbots.consumers.errands import Errands
from chatbots.consumers.outbox import Outbox
from chatbots.conversing import Turn


class Answers:
    """`known`: those that the client has been told of. Who leaves ends nothing."""

    def __init__(self, outbox: Outbox, errands: Errands) -> None:
        self.known: set[str] = set()
        self._outbox = outbox
        self._errands = errands
        self._closed = False
        self._readers: dict[str, asyncio.Task[None]] = {}

    def listen(self, turn: Turn, after: int) -> None:
        """Read from the event `after` on; what is read already begins anew."""
        self.known.add(turn.response_id)
        if self._closed:
            return
        if earlier := self._readers.pop(turn.response_id, None):
            earlier.cancel()
        reader = self._errands.do(self._read(turn, after))
        self._readers[turn.response_id] = reader
        reader.add_done_callback(lambda task: self._forget(turn.response_id, task))

    def close(self) -> None:
        self._closed = True
        for reader in list(self._readers.values()):
            reader.cancel()

    async def _read(self, turn: Turn, after: int) -> None:
        async for texts in following.frames(turn, after):
            for text in texts:
                await self._outbox.send(text)

    def _forget(self, response_id: str, task: "asyncio.Task[None]") -> None:
        if self._readers.get(response_id) is task:
            del self._readers[response_id]
