"""A path where nobody answers."""

from chatbots.consumers import opening
from chatbots.consumers.pipe import Pipe
from chatbots.protocol.limits import SUBPROTOCOL


class Nowhere(Pipe):
    async def connected(self) -> None:
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in self.scope["subprotocols"] else None)
        self.refuse(opening.unknown())
