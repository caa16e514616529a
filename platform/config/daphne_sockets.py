"""Websockets under Daphne: frames in are bounded, frames out wait for a slow reader."""

from typing import Any, Final

from daphne.ws_protocol import WebSocketProtocol

from api.strict_json import MAX_BYTES
from config.back_pressure import Flow

MOST_BYTES: Final = 2 * MAX_BYTES
"""Of a message: what is a little over the limit is refused in words, what is far over it ends the
connection (1009)."""


class BoundedSocket(WebSocketProtocol):
    """Stock Daphne keeps whatever is sent to a client that does not read, all in memory."""

    flow: Flow | None = None

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        """Autobahn would refuse a server's own codes, such as 1012 (restart)."""
        self.sendCloseFrame(code=1000 if code is None else code)

    async def reader_keeps_up(self) -> None:
        """Wait for a client that reads slowly; give up on one that does not read at all."""
        if self.state != self.STATE_OPEN:
            return
        wire: Any = self.transport
        if self.flow is None:
            self.flow = Flow()
            # The producer of the request that became this socket would stop us reading, too.
            wire.unregisterProducer()
            wire.registerProducer(self.flow, True)
        if not await self.flow.opened():
            wire.abortConnection()
