"""No body larger than its path allows gets in, announced (Content-Length) or not (chunked)."""

from collections.abc import Mapping

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
        received, started, refused = 0, False, False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                error = BodyTooLarge(too_large(limit))
                if not started and not refused:
                    refused = True
                    await refuse(send, error)
                raise error
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if not refused:  # what a framework says of our error comes too late
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except BodyTooLarge:
            if not refused:
                raise

    def _limit_of(self, path: str) -> int:
        for prefix, limit in self.overrides:
            if path.startswith(prefix):
                return limit
        return self.limit


def too_large(limit: int) -> str:
    return f"The request body is larger than {limit:,} bytes. Send less in one call."


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
