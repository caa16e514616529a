"""One connection to a server, and one request after the other on it. httptools reads the answers
in C: a token costs a fraction of what a general client takes for it."""

import asyncio
import select
from collections.abc import Callable
from typing import Final, cast

import httptools

SILENT_SECONDS: Final = 120.0  # between two pieces; the Run's own patience is usually shorter
LARGEST_HEAD: Final = 64 * 1024
MOST_UNREAD: Final = 256 * 1024
_FIRST_FINAL_STATUS: Final = 200  # what comes before is only a notice


class Broken(Exception):
    """No connection, or one that was cut, fell silent, or does not speak HTTP."""


class Connection(asyncio.Protocol):
    """`asked`, then `part` until it is empty. What httptools calls is named as it wants."""

    def __init__(
        self,
        origin: str,
        loop: asyncio.AbstractEventLoop,
        closed: "Callable[[Connection], None]",
    ) -> None:
        self.origin = origin
        self.loop = loop
        self.status = 0
        self.headers: dict[str, str] = {}
        self.kept_since = 0.0
        self._closed = closed
        self._begun = self._ended = self._lasts = False
        self._failure: str | None = None
        self._head_size = 0
        self._unread: list[bytes] = []
        self._unread_size = 0
        self._heard = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._silence: asyncio.TimerHandle | None = None

    @property
    def ended(self) -> bool:
        return self._ended and not self._unread

    @property
    def reusable(self) -> bool:
        return self.ended and self._failure is None and self._lasts

    def speaks(self) -> bool:
        """Has it been closed, or worse, and the loop has not had the time to tell?"""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    async def asked(self, request: bytes) -> None:
        """Send it, and wait for the head of its answer."""
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers, self._head_size = 0, {}, 0
        self._begun = self._ended = False
        self._unread.clear()
        self._unread_size = 0
        self._transport.write(request)
        self._heard = self.loop.time()
        self._silence = self.loop.call_later(SILENT_SECONDS, self._still_there)
        while not self._begun:
            await self._more()

    async def part(self) -> bytes:
        """Empty at the end."""
        while not self._unread:
            if self._ended:
                return b""
            await self._more()
        part = b"".join(self._unread)
        self._unread.clear()
        if self._unread_size > MOST_UNREAD:
            self._transport.resume_reading()
        self._unread_size = 0
        return part

    def cut(self) -> None:
        self._failure = self._failure or "It is closed."
        self._transport.abort()

    async def _more(self) -> None:
        if self._failure is not None:
            raise Broken(self._failure)
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _still_there(self) -> None:
        silent = self.loop.time() - self._heard
        if silent < SILENT_SECONDS:
            self._silence = self.loop.call_later(SILENT_SECONDS - silent, self._still_there)
        else:
            self._fail("It fell silent.")

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        self._transport.abort()
        self._wake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            self._fail("It speaks unasked.")
            return
        self._heard = self.loop.time()
        if not self._begun:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"It does not speak HTTP: {error}")
        if not self._begun and self._head_size > LARGEST_HEAD:
            self._fail("The head of its answer is too large.")
        elif self._unread_size > MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed(self)
        framed = self.headers.keys() & {"content-length", "transfer-encoding"}
        if self._begun and not framed and error is None:
            self._ended = True  # such an answer ends with its connection
        self._failure = self._failure or "It hung up."
        self._stop_watching()
        self._wake()

    def _stop_watching(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def on_message_begin(self) -> None:
        if self._ended:
            self._failure = "It speaks unasked."

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= _FIRST_FINAL_STATUS:
            self._begun = True
            self._lasts = self._parser.should_keep_alive()
        else:
            self.headers = {}

    def on_body(self, body: bytes) -> None:
        if not self._ended:
            self._unread.append(body)
            self._unread_size += len(body)

    def on_message_complete(self) -> None:
        if self._begun:
            self._ended = True
            self._stop_watching()
