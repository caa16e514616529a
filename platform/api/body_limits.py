"""No body larger than its path allows gets in, announced (Content-Length) or not (chunked)."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.asgi import refuse
from api.errors import BodyTooLarge
from api.strict_json import MAX_BYTES


class BodyLimits:
    """Pure ASGI middleware; `overrides` maps path prefixes to bytes, the longest prefix wins."""

    def __init__(
        self, app: ASGIApp, limit: int = MAX_BYTES, overrides: Mapping[str, int] | None = None
    ) -> None:
        self.app = app
        self.limit = limit
        self.overrides = sorted((overrides or {}).items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        if _announced(scope) > limit:
            await refuse(send, BodyTooLarge(too_large(limit)))
            return
        call = _Call(limit, receive, send)
        try:
            await self.app(scope, call.counted, call.watched)
        except BodyTooLarge:
            if not call.refused:
                raise

    def _limit_of(self, path: str) -> int:
        for prefix, limit in self.overrides:
            if path.startswith(prefix):
                return limit
        return self.limit


@dataclass(slots=True)
class _Call:
    limit: int
    receive: Receive
    send: Send
    received: int = 0
    started: bool = False
    refused: bool = False

    async def counted(self) -> Message:
        message = await self.receive()
        self.received += len(message.get("body", b""))
        if self.received > self.limit:
            error = BodyTooLarge(too_large(self.limit))
            if not self.started and not self.refused:
                self.refused = True
                await refuse(self.send, error)
            raise error
        return message

    async def watched(self, message: Message) -> None:
        if not self.refused:  # what a framework says of our error comes too late
            self.started = True
            await self.send(message)


def too_large(limit: int) -> str:
    return f"The request body is larger than {limit:,} bytes. Send less in one call."


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
