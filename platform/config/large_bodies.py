"""Large bodies under Daphne: kept on disk while they come, read from there piece by piece.

Daphne hands a whole body to the application's queue at once, which would keep it in memory.
"""

import errno
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accounts import key_material
from api.body_limits import Headers, Limits
from api.errors import ApiError, StorageFull

BODY: Final = "smarter.body"
PIECE: Final = 256 * 1024
IN_MEMORY: Final = 4 * 1024 * 1024 + 1
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}


_SESSION: Final = re.compile(rf"(?:^|;\s*){settings.SESSION_COOKIE_NAME}=[a-z0-9]{{32}}(?:;|$)")


def _is_somebody(headers: Headers) -> bool:
    """Whether the call comes with what can be a secret key, or a browser's session, before anybody
    asks the database."""
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"authorization":
            scheme, _, key = text.partition(" ")
            return scheme.lower() == "bearer" and key_material.is_well_formed(key.strip())
        if name == b"cookie" and _SESSION.search(text):
            return True
    return False


LIMITS: Final = Limits(may_be_large=_is_somebody)


class Body:
    """What has come of a body; small ones never touch the disk."""

    def __init__(self, folder: Path) -> None:
        self._spool: Any = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115 - closed by `read_piecewise` or the request's end
        self._failure: ApiError | None = None

    @property
    def closed(self) -> bool:
        return bool(self._spool.closed)

    def write(self, chunk: bytes) -> None:
        if self._failure is None:
            try:
                self._spool.write(chunk)
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self._failure = StorageFull("The server has no room for this body. Try it later.")

    def tell(self) -> int:
        return int(self._spool.tell())

    def seek(self, offset: int, whence: int = 0) -> None:
        self._spool.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if self._failure:
            raise self._failure
        piece: bytes = self._spool.read(size)
        return piece

    def close(self) -> None:
        self._spool.close()


def read_piecewise(application: ASGIApp) -> ASGIApp:
    """Let `application` receive the Body in its scope, then whatever the server says."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        body = scope.pop(BODY, None)
        if body is None:
            await application(scope, receive, send)
            return
        try:
            await application(scope, _Pieces(body, receive).next, send)
        finally:
            body.close()

    return reading


class _Pieces:
    def __init__(self, body: Body, receive: Receive) -> None:
        self._body: Body | None = body
        self._receive = receive

    async def next(self) -> Message:
        if self._body is None:
            return await self._receive()
        piece = self._body.read(PIECE)
        more = len(piece) == PIECE
        if not more:
            self._body = None
            await self._receive()  # the server's own message: an empty body
        return {"type": "http.request", "body": piece, "more_body": more}
