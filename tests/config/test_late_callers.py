"""Both web servers: who stops in the middle of a call is told so and closed, nobody else is cut."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.sync.client import connect

from config.patience import MOST_HEAD, PATIENCE_SECONDS
from config.uvicorn_connection import Connection
from tests.running import free_port, wait_until

SITE = Path(__file__).with_name("small_site.py")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


@dataclass
class Clock:
    """An event loop's own one, but for the time."""

    now: float = 1000.0

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)


@dataclass
class Transport:
    """Refuses, as uvloop's does, whatever is done to it once its connection is lost."""

    said: bytes = b""
    closing: bool = False
    lost: bool = False

    def write(self, data: bytes) -> None:
        if self.lost:
            raise RuntimeError("the handler is closed")
        self.said += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, _name: str) -> None:
        return None

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


@dataclass
class Site:
    """Reads a body when it is told to, and answers when it is told to."""

    takes: bool = True
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await self.reads.wait()
        while self.takes and (await receive()).get("more_body"):
            pass
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await self.ends.wait()
        await send({"type": "http.response.body", "body": b"b"})


class Caller:
    def __init__(self) -> None:
        self.clock, self.wire, self.site = Clock(), Transport(), Site()
        self.site.reads.set()
        config = uvicorn.Config(self.site, log_config=None, access_log=False)
        self.connection = Connection(config, ServerState(), {}, self.clock)  # type: ignore[arg-type] # what it uses of a loop
        self.connection.connection_made(self.wire)

    async def says(self, data: bytes, then: float = 0) -> None:
        self.connection.data_received(data)
        await self.waits(then)

    async def waits(self, seconds: float) -> None:
        for _ in range(9):
            await asyncio.sleep(0)
        self.clock.now += seconds
        self.connection.close_if_late(PATIENCE_SECONDS)
        for _ in range(9):
            await asyncio.sleep(0)

    def is_told(self) -> bool:
        return self.wire.closing and _told(self.wire.said, 408, "request_timeout")


def _told(said: bytes, status: int, code: str | None) -> bool:
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said
    assert f"content-length: {len(body)}".encode() in head
    return bool(json.loads(body)["error"]["code"] == code)


async def test_who_says_nothing_is_closed_in_silence() -> None:
    caller = Caller()
    await caller.waits(59)
    assert not caller.wire.closing
    await caller.waits(1)
    assert caller.wire.closing
    assert caller.wire.said == b""


async def test_a_head_has_its_time_as_a_whole() -> None:
    caller = Caller()
    await caller.waits(50)
    for byte in POST[:5]:
        await caller.says(bytes([byte]), then=11)
    assert not caller.wire.closing
    await caller.says(POST[5:6], then=5)
    assert caller.is_told()


async def test_a_body_has_its_time_for_each_piece() -> None:
    caller = Caller()
    await caller.says(POST, then=50)
    for byte in b"1234":
        await caller.says(bytes([byte]), then=50)
    assert not caller.wire.closing
    await caller.waits(10)
    assert caller.is_told()
    caller.site.answers.set()
    await caller.waits(0)
    assert caller.is_told(), "what the application says comes too late"


async def test_a_body_that_we_do_not_take_makes_nobody_late() -> None:
    caller = Caller()
    caller.site.reads.clear()
    await caller.says(POST.replace(b": 9", b": 99999"))
    await caller.says(b"x" * 70_000, then=500)
    assert not caller.wire.closing


@pytest.mark.parametrize("said", [GET, POST + b"123456789"])
async def test_an_answer_that_has_begun_is_never_cut(said: bytes) -> None:
    caller = Caller()
    await caller.says(said)
    await caller.waits(500)
    caller.site.answers.set()
    await caller.waits(500)
    assert not caller.wire.closing
    caller.site.ends.set()
    await caller.waits(0)
    assert caller.wire.said.endswith(b"a\r\n1\r\nb\r\n0\r\n\r\n")


async def test_an_answer_may_begin_before_the_body_has_come() -> None:
    caller = Caller()
    caller.site.takes = False
    caller.site.answers.set()
    await caller.says(POST + b"123")
    await caller.waits(500)
    assert not caller.wire.closing


async def test_between_two_calls_there_is_more_time_and_in_the_next_one_there_is_not() -> None:
    caller = Caller()
    caller.site.answers.set()
    caller.site.ends.set()
    await caller.says(GET)
    await caller.waits(70)
    assert not caller.wire.closing, "proxies keep their idle connections"
    caller.wire.said = b""
    await caller.says(GET[:-2], then=59)
    assert not caller.wire.closing
    await caller.waits(1)
    assert caller.is_told()


@pytest.mark.parametrize("calls", [1, 2, 3])
async def test_who_leaves_before_the_answer_is_no_failure_of_ours(
    calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Caller()
    await caller.says(GET * calls)
    caller.wire.lost = True
    caller.connection.connection_lost(ConnectionResetError())
    with caplog.at_level(logging.WARNING):
        caller.site.answers.set()
        caller.site.ends.set()
        await asyncio.gather(*caller.connection.tasks)
    assert caplog.messages == []


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a server that waits for one second."""
    found = free_port()
    with subprocess.Popen([sys.executable, str(SITE), request.param, str(found), "1"]) as process:
        wait_until(lambda: _listens(found), 30, "listening")
        yield found
        process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _all(wire: socket.socket) -> bytes:
    return b"".join(iter(lambda: wire.recv(65_536), b""))


def test_real_sockets_of_the_late_are_closed_and_no_others(port: int) -> None:
    with ExitStack() as stack:

        def begin(data: bytes) -> socket.socket:
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            wire.sendall(data)
            return wire

        stream = begin(GET.replace(b"/ ", b"/?40 ", 1))
        live = stack.enter_context(connect(f"ws://127.0.0.1:{port}/"))
        late = [begin(GET[:9]), begin(GET[:-2]), begin(POST), begin(POST + b"123")]
        assert _all(begin(b"")) == b""
        for wire in late:
            assert _told(_all(wire), 408, "request_timeout")
        assert [live.recv() for _ in range(30)] == [str(number) for number in range(30)]
        said = b""
        while b"39 " not in said:
            said += stream.recv(4096)


@pytest.mark.parametrize("begin", [b"GET /", GET[:-2] + b"X: "])
def test_a_line_that_is_too_long_is_refused_in_words(port: int, begin: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(begin + b"a" * (MOST_HEAD + 2))
        assert _told(_all(wire), 400, None)
