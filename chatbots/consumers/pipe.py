"""A websocket that is always accepted, and that ends with a code and a word of why."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from api.errors import (
    ApiError,
    ChatbotUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from chatbots.consumers.outbox import Outbox
from chatbots.protocol import writing
from chatbots.protocol.limits import Close

FLUSH_SECONDS: Final = 2.0  # for the last frames to leave before the close
ORIGIN: Final = "origin_not_allowed"


class Pipe(AsyncConsumer):
    """Subclasses say what happens on `connected`, when a frame is `heard`, and when it is `left`.

    Every ending goes through `end`, or is the client's.
    """

    def __init__(self) -> None:
        self.outbox = Outbox(self._send, lambda: self.end(Close.OVERLOAD))
        self._ending: asyncio.Task[None] | None = None
        self._main: asyncio.Task[Any] | None = None

    async def connected(self) -> None:
        """The client is there, and waits to be accepted."""

    async def heard(self, message: dict[str, Any]) -> None:
        """A frame came."""

    def left(self) -> None:
        """Nothing can be said any more."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Until the client leaves, or has been told to."""
        self._main = asyncio.current_task()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if self._ending is None or self._main is None or self._main.uncancel():
                raise  # it was not us
        finally:
            self.outbox.close()
            self.left()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' look at Django's connections before each frame: that takes a thread,
        and nothing here uses them."""
        match message["type"]:
            case "websocket.connect":
                await self.connected()
            case "websocket.receive" if not self.ending:
                await self.heard(message)
            case "websocket.disconnect":
                raise StopConsumer

    @property
    def ending(self) -> bool:
        return self._ending is not None

    async def accept(self, subprotocol: str | None) -> None:
        await self._wire({"type": "websocket.accept", "subprotocol": subprotocol})

    def refuse(self, problem: ApiError, event_id: str | None = None) -> None:
        """Say what is wrong, and end."""
        if not self.ending:
            self.outbox.put(writing.error(problem, event_id))
            self.end(code_of(problem))

    def end(self, code: Close) -> None:
        """Once; what waits to be sent goes first, if the client reads it."""
        if not self.ending:
            self._ending = asyncio.create_task(self._end(code))

    async def _end(self, code: Close) -> None:
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.outbox.emptied()
                await self._wire({"type": "websocket.close", "code": int(code)})
        if self._main is not None and not self._main.done():
            self._main.cancel()  # it waits for a frame; none matters any more

    async def _send(self, text: str) -> None:
        await self._wire({"type": "websocket.send", "text": text})

    async def _wire(self, message: Any) -> None:
        await self.base_send(message)


def code_of(problem: ApiError) -> Close:
    match problem:
        case ChatbotUnavailable() | NotFound():
            return Close.UNKNOWN
        case Unauthenticated():
            return Close.BAD_KEY
        case Forbidden():
            return Close.ORIGIN if problem.error_code == ORIGIN else Close.BAD_KEY
        case RateLimited():
            return Close.TOO_MANY
        case InvalidRequest():
            return Close.BAD_FRAME
    return Close.OVERLOAD
