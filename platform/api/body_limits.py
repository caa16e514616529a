"""No body larger than its path allows gets in, announced (Content-Length) or not (chunked)."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.asgi import refuse
from api.errors import ApiError, BodyTooLarge
from api.strict_json import MAX_BYTES

Headers = Iterable[tuple[bytes, bytes]]
MEGABYTE: Final = 1024 * 1024
LARGEST_FILE: Final = 513 * MEGABYTE  # one for what a form has besides its file
LARGEST_PART: Final = 65 * MEGABYTE
_FILES: Final = re.compile(
    r"(/v1)?/files/?|/dashboard/[^/]+/files/new|/dashboard/[^/]+/chatbots/[^/]+/files"
)
_PARTS: Final = re.compile(r"(/v1)?/uploads/[^/]+/parts/?")


def _never(_headers: Headers) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes. Files may be large where `may_be_large` says so of a call's headers."""

    usual: int = MAX_BYTES
    file: int = LARGEST_FILE
    part: int = LARGEST_PART
    may_be_large: Callable[[Headers], bool] = _never

    def of(self, path: str, headers: Headers) -> int:
        large = 0
        if _FILES.fullmatch(path):
            large = self.file
        elif _PARTS.fullmatch(path):
            large = self.part
        return large if large and self.may_be_large(headers) else self.usual


class BodyLimits:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self.app = app
        self.limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.of(scope["path"], scope["headers"])
        if _announced(scope) > limit:
            await refuse(send, BodyTooLarge(too_large(limit)))
            return
        call = _Call(limit, receive, send)
        try:
            await self.app(scope, call.counted, call.watched)
        except ApiError:
            if not call.refused:
                raise


@dataclass(slots=True)
class _Call:
    limit: int
    receive: Receive
    send: Send
    received: int = 0
    started: bool = False
    refused: bool = False

    async def counted(self) -> Message:
        try:
            message = await self.receive()
        except ApiError as error:  # the server could not keep the body: its disk is full
            await self._refuse(error)
            raise
        self.received += len(message.get("body", b""))
        if self.received > self.limit:
            refusal = BodyTooLarge(too_large(self.limit))
            await self._refuse(refusal)
            raise refusal
        return message

    async def _refuse(self, error: ApiError) -> None:
        if not self.started and not self.refused:
            self.refused = True
            await refuse(self.send, error)

    def watched(self, message: Message) -> Awaitable[None]:
        if self.refused:  # what a framework says of our error comes too late
            return _nothing()
        self.started = True
        return self.send(message)


async def _nothing() -> None:
    return None


def too_large(limit: int) -> str:
    return f"The request body is larger than {limit:,} bytes. Send less in one call."


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
