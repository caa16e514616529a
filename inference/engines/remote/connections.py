"""HTTP/1.1 to the servers of one model: kept connections, answers piece by piece as they come."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from inference.engines.remote.connection import Broken, Connection

CONNECT_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 4.0  # unused; servers close theirs after five
MOST_KEPT: Final = 256  # a server


class Connections:
    """Of one event loop. No proxy, no redirect: where a request goes is what the catalog says."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._kept: dict[str, list[Connection]] = defaultdict(list)
        self._open: set[Connection] = set()
        self.closed = False

    @asynccontextmanager
    async def ask(self, method: str, url: str, body: bytes = b"") -> "AsyncIterator[Response]":
        """The answer once its head has come. Leaving before its end closes its connection: the
        server then stops. Raises Broken."""
        response = await self.asked(method, url, body)
        try:
            yield response
        finally:
            response.close()

    async def asked(self, method: str, url: str, body: bytes = b"") -> "Response":
        """As `ask`, for whoever closes it elsewhere."""
        target = urlsplit(url)
        connection = self._reused(target.netloc) or await self._connect(target)
        response = Response(connection, self)
        head = f"{method} {target.path} HTTP/1.1\r\nhost: {target.netloc}\r\n{self._headers}"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        try:
            await connection.asked(f"{head}\r\n".encode("latin-1") + body)
        except BaseException:
            response.close()
            raise
        return response

    def close(self) -> None:
        self.closed = True
        for connection in list(self._open):
            connection.cut()

    def take_back(self, connection: Connection) -> None:
        """Keep it for the next request, if there can be one."""
        kept = self._kept[connection.origin]
        if connection.reusable and len(kept) < MOST_KEPT:
            connection.kept_since = connection.loop.time()
            kept.append(connection)
        else:
            connection.cut()

    def _reused(self, origin: str) -> Connection | None:
        """The one that was used last; those that have waited too long are closed."""
        kept = self._kept[origin]
        while kept:
            connection = kept.pop()
            if connection.loop.time() - connection.kept_since < KEPT_SECONDS:
                if connection.reusable and not connection.speaks():
                    return connection
                connection.cut()
            else:
                for old in (connection, *kept):
                    old.cut()
                kept.clear()
        return None

    async def _connect(self, target: SplitResult) -> Connection:
        secure = target.scheme == "https"
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(target.netloc, loop, self._open.discard),
                    target.hostname or "",
                    target.port or (443 if secure else 80),
                    ssl=_trusted() if secure else None,
                )
        except (OSError, TimeoutError) as error:
            raise Broken(f"No connection to {target.netloc}.") from error
        self._open.add(connection)
        return connection


@cache
def _trusted() -> ssl.SSLContext:
    """Read once: that takes longer than a call."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Response:
    _connection: Connection
    _connections: Connections

    @property
    def status(self) -> int:
        return self._connection.status

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in lower case."""
        return self._connection.headers

    async def parts(self) -> AsyncIterator[bytes]:
        """What has come since the last time, until all has. Raises Broken."""
        while part := await self._connection.part():
            yield part

    async def content(self, most: int) -> bytes:
        """All of it, or its first `most` bytes and a little more. Raises Broken."""
        content = b""
        async for part in self.parts():
            content += part
            if len(content) > most:
                break
        return content

    @property
    def ended(self) -> bool:
        return self._connection.ended

    def close(self) -> None:
        """At most once."""
        self._connections.take_back(self._connection)
