"""A frugal HTTP client for load: keep-alive connections that send one request after the other."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from bench.http_site import Site

LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class Load:
    """What came back: complete answers, and any that were not as they should be."""

    answers: int = 0
    tokens: int = 0
    wrong: list[bytes] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def per_core(self) -> float:
        """Complete answers for each second of the web process's CPU."""
        return self.answers / self.cpu_seconds


async def run(site: Site, call: dict[str, Any], concurrent: int, seconds: float) -> Load:
    """Keep `concurrent` calls in the air for so long, and see what they cost the web process."""
    load, request = Load(), _request(site, call)
    cpu, start = site.cpu_seconds(), time.monotonic()
    end = start + seconds
    await asyncio.gather(*(_client(site, request, load, end) for _ in range(concurrent)))
    load.seconds = time.monotonic() - start
    load.cpu_seconds = site.cpu_seconds() - cpu
    return load


async def _client(site: Site, request: bytes, load: Load, end: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    while time.monotonic() < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = await _chunks(reader)
            complete = b"data: [DONE]" in body
            load.tokens += body.count(b'"content":"') - 1  # the first chunk has the role alone
        else:
            body = await reader.readexactly(_length(head))
            complete = b'"finish_reason":' in body
        if head.startswith(b"HTTP/1.1 200") and complete:
            load.answers += 1
        else:
            load.wrong.append(head + body)
            break
    writer.close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while not body.endswith(LAST_CHUNK):
        piece = await reader.read(1 << 16)
        if not piece:
            break
        body += piece
    return body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def _request(site: Site, call: dict[str, Any]) -> bytes:
    body = json.dumps(call).encode()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {site.api_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
