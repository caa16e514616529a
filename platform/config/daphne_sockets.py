"""Websockets under Daphne: frames in are bounded, frames out wait for a slow reader."""

from collections import deque
from typing import Any, Final

from daphne.ws_protocol import WebSocketProtocol
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.strict_json import MAX_BYTES
from config.back_pressure import Flow

MOST_BYTES: Final = 2 * MAX_BYTES
"""Of a message: what is a little over the limit is refused in words, what is far over it ends the
connection (1009)."""
MOST_WAITING: Final = 256 * 1024
"""Bytes of messages that the application has not taken yet, beyond which nothing more is read."""
SOCKET: Final = "smarter.socket"


class BoundedSocket(WebSocketProtocol):
    """Stock Daphne keeps in memory whatever a client does not read, and whatever it sends."""

    flow: Flow | None = None

    def onOpen(self) -> None:  # noqa: N802 - Autobahn's name
        self.waiting: deque[int] = deque()  # sizes of messages, in the order of the queue
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - Autobahn's names
        if not self.muted:
            self.waiting.append(len(payload))
            self._read_on()
        super().onMessage(payload, isBinary)

    def taken(self, message: Message) -> None:
        if message["type"] == "websocket.receive":
            self.waiting.popleft()
            self._read_on()

    def _read_on(self) -> None:
        wire: Any = self.transport
        if wire.connected and sum(self.waiting) > MOST_WAITING:
            wire.pauseProducing()
        elif wire.connected:
            wire.resumeProducing()

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


def read_at_its_pace(application: ASGIApp) -> ASGIApp:
    """Tell the BoundedSocket in the scope what `application` has taken."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        socket: BoundedSocket | None = scope.pop(SOCKET, None)
        if socket is None:
            await application(scope, receive, send)
            return

        async def take() -> Message:
            message = await receive()
            socket.taken(message)
            return message

        await application(scope, take, send)

    return reading
