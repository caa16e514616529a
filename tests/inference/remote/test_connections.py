"""How servers are spoken to: every way to frame an answer, and none of the ways to hurt us."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from inference.engines.remote import connection, connections
from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections
from tests.inference.remote.upstream import USAGE, Call, engine, finished, generated, upstream
from tests.patience import soon

Speech = Callable[[asyncio.StreamWriter], Awaitable[None]]
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def server(speech: Speech) -> AsyncIterator[str]:
    """It says `speech` to every request, and remembers nothing."""

    talks: list[asyncio.Task[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await speech(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(talk(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/models"
    finally:
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def says(*pieces: bytes, hangs_up: bool = False) -> Speech:
    async def speech(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)  # so that each comes by itself
        if hangs_up:
            writer.close()

    return speech


async def heard(speech: Speech, times: int = 1) -> list[bytes]:
    made = Connections({})
    try:
        async with server(speech) as url:
            answers = []
            for _ in range(times):
                async with made.ask("GET", url) as response:
                    answers.append(await response.content(10**6))
            return answers
    finally:
        made.close()


@pytest.mark.parametrize(
    "speech",
    [
        says(WHOLE),
        says(*(bytes([byte]) for byte in WHOLE)),
        says(CHUNKED + b"3\r\nhel", b"\r\n2\r\nlo\r\n0\r\n\r\n"),
        says(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", WHOLE),
        says(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo", hangs_up=True),
        says(b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", hangs_up=True),
    ],
)  # fmt: skip
async def test_every_framing_is_read_to_its_end(speech: Speech) -> None:
    assert await heard(speech, times=2) == [b"hello", b"hello"]


@pytest.mark.parametrize(
    "speech",
    [
        says(b"220 mail.example SMTP\r\n"),
        says(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000),
        says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", hangs_up=True),
        says(CHUNKED + b"5\r\nhello\r\n", hangs_up=True),
        says(hangs_up=True),
        says(),
    ],
)
async def test_what_is_no_answer_or_only_a_part_is_broken(
    speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.2)
    with pytest.raises(Broken):
        await soon(heard(speech))


async def test_a_second_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    speech = says(WHOLE + WHOLE.replace(b"hello", b"other"))
    assert await heard(speech, times=3) == [b"hello"] * 3


async def test_a_fast_server_waits_for_a_slow_reader() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(65536))
            await writer.drain()
            sent += 65536

    made = Connections({})
    async with server(endless) as url, made.ask("GET", url):
        before = -1
        while before < sent:
            before = sent
            await asyncio.sleep(0.2)
    made.close()
    assert sent < 64 * connection.MOST_UNREAD


async def test_a_stream_whose_end_comes_after_its_last_event_leaves_its_connection() -> None:
    async def late_end(call: Call) -> None:
        await call.begin()
        await call.event({**finished(), "usage": USAGE})
        await call.event(b"[DONE]")
        await asyncio.sleep(0.02)
        call.writer.write(b"0\r\n\r\n")

    async with upstream(late_end) as there, engine(there) as remote:
        for _ in range(3):
            await generated(remote)
    assert {call.connection for call in there.generations} == {1}


@pytest.mark.parametrize(("name", "value"), [("KEPT_SECONDS", 0.0), ("MOST_KEPT", 0)])
async def test_connections_are_not_kept_for_long_nor_without_bound(
    name: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, name, value)
    writers: list[asyncio.StreamWriter] = []

    async def speech(writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(WHOLE)

    assert await heard(speech, times=3) == [b"hello"] * 3
    assert len(set(writers)) == 3


async def test_a_kept_connection_that_its_server_closed_is_not_used_again() -> None:
    """Not even when the event loop was too busy to notice."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as other:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/models"
        listening.settimeout(5)
        made = Connections({})
        for _ in range(3):
            serving = other.submit(_answer_once, listening)
            async with made.ask("GET", url) as response:
                assert await response.content(100) == b"hello"
            serving.result(10)
        made.close()


def _answer_once(listening: socket.socket) -> None:
    talk, _ = listening.accept()
    with talk:
        talk.recv(10_000)
        talk.sendall(WHOLE)
