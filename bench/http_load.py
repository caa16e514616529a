"""A frugal HTTP client for load: keep-alive connections that send one request after the other."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

CHUNKED = b"transfer-encoding: chunked"
LAST_CHUNK = b"0\r\n\r\n"
CHAT = "/v1/chat/completions"


class Site(Protocol):
    """What is asked: ours, or a gateway of other people."""

    @property
    def port(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def cpu_seconds(self) -> float: ...


@dataclass
class Connection:
    """One keep-alive connection to a site."""

    site: Site
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, site: Site) -> Self:
        return cls(site, *await asyncio.open_connection("127.0.0.1", site.port))

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The head and the body (chunks and all) of the answer."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if CHUNKED in head.lower():
            return head, await self._chunks()
        return head, await self._whole(head)

    async def first_word(self, request: bytes) -> float:
        """Seconds until the answer, or until the first word of one that streams (then the rest is
        read, too)."""
        start = time.perf_counter()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b"text/event-stream" not in head:
            await (self._chunks() if CHUNKED in head.lower() else self._whole(head))
            return time.perf_counter() - start
        begun = await self.reader.readuntil(b"w1")
        waited = time.perf_counter() - start
        await self._chunks(begun)
        return waited

    def close(self) -> None:
        self.writer.close()

    async def _whole(self, head: bytes) -> bytes:
        return await self.reader.readexactly(_length(head))

    async def _chunks(self, body: bytes = b"") -> bytes:
        while not body.endswith(LAST_CHUNK):
            piece = await self.reader.read(1 << 16)
            if not piece:
                break
            body += piece
        return body


def request(site: Site, path: str, call: dict[str, Any]) -> bytes:
    body = json.dumps(call).encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in site.headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"{headers}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@dataclass
class Load:
    """What came back: complete answers, and any that were not as they should be."""

    answers: int = 0
    tokens: int = 0
    wrong: list[bytes] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @property
    def per_core(self) -> float:
        """Complete answers for each second of the web process's CPU."""
        return self.answers / self.cpu_seconds

    def count(self, head: bytes, body: bytes) -> None:
        streamed = b"text/event-stream" in head
        complete = b"data: [DONE]" in body if streamed else b'"finish_reason":' in body
        if head.startswith(b"HTTP/1.1 200") and complete:
            self.answers += 1
            self.tokens += body.count(b'"content":"') - 1 if streamed else 0  # the role's chunk
        else:
            self.wrong.append(head + body)


async def run(site: Site, call: dict[str, Any], concurrent: int, seconds: float) -> Load:
    """Keep `concurrent` calls in the air for so long, and see what they cost the web process."""
    load = Load()
    cpu, end = site.cpu_seconds(), time.monotonic() + seconds
    content = request(site, CHAT, call)
    await asyncio.gather(*(_client(site, content, load, end) for _ in range(concurrent)))
    load.cpu_seconds = site.cpu_seconds() - cpu
    return load


async def _client(site: Site, content: bytes, load: Load, end: float) -> None:
    connection = await Connection.open(site)
    while time.monotonic() < end and not load.wrong:
        load.count(*await connection.ask(content))
    connection.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0
