"""Both web servers: bodies are bounded, and a stop waits for the last byte of every answer."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from config import server
from config.children import CannotStart
from config.draining import let_in
from tests.running import free_port, wait_until

SITE = Path(__file__).with_name("small_site.py")
LIMIT = 100_000


@dataclass(frozen=True)
class Small:
    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(params=["daphne", "uvicorn"])
def small(request: pytest.FixtureRequest) -> Iterator[Small]:
    port = free_port()
    with subprocess.Popen([sys.executable, str(SITE), request.param, str(port)]) as process:
        running = Small(process, port)
        wait_until(running.listens, 30, "listening")
        yield running
        process.kill()


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 10_000):
        yield b"x" * 10_000


def memory(pid: int) -> int:
    """The largest that a process has been, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_bodies_up_to_the_limit_arrive_whole(small: Small) -> None:
    assert httpx.post(small.url, content=b"x" * LIMIT).text == str(LIMIT)
    assert httpx.post(small.url, content=chunks(LIMIT)).text == str(LIMIT)


@pytest.mark.parametrize("announced", [True, False])
def test_larger_bodies_get_413_in_our_envelope(small: Small, announced: bool) -> None:
    content = b"x" * 5_000_000 if announced else chunks(5_000_000)
    answer = httpx.post(small.url, content=content)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


def test_a_body_that_is_much_too_large_is_not_kept_in_memory(small: Small) -> None:
    assert httpx.post(small.url, content=b"").status_code == 200
    before = memory(small.process.pid)
    assert httpx.post(small.url, content=chunks(50_000_000)).status_code == 413
    assert memory(small.process.pid) - before < 20_000_000


def test_a_large_file_arrives_whole_and_is_not_kept_in_memory(small: Small) -> None:
    url = f"{small.url}/v1/files"
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert httpx.post(url, content=b"").status_code == 200
    before = memory(small.process.pid)
    answer = httpx.post(url, content=chunks(80_000_000), headers=form, timeout=60)
    assert answer.text == "80000000"
    assert memory(small.process.pid) - before < 20_000_000
    assert httpx.post(url, content=chunks(101_000_000), timeout=60).status_code == 413


def test_a_stop_waits_for_streams_and_takes_no_new_calls(small: Small) -> None:
    with httpx.stream("GET", f"{small.url}/?20") as answer:
        parts = answer.iter_text()
        text = next(parts)
        small.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not small.listens(), 1, "closed to new calls")
        text += "".join(parts)
    assert text.split()[:20] == [str(number) for number in range(20)]
    assert small.process.wait(5) == 0


def test_a_stop_closes_idle_connections_while_streams_go_on(small: Small) -> None:
    """Else whoever keeps a connection alive could go on calling and delay the end."""
    with (
        httpx.stream("GET", f"{small.url}/?30") as answer,
        socket.create_connection(("127.0.0.1", small.port), timeout=5) as idle,
    ):
        parts = answer.iter_text()
        next(parts)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        small.process.send_signal(signal.SIGTERM)
        while idle.recv(4096):
            pass
        assert "29" in "".join(parts)
    assert small.process.wait(5) == 0


def test_who_is_in_when_a_stop_begins_may_still_ask_once(small: Small) -> None:
    """A proxy that has just connected would else have to tell its client of a call that is lost."""
    with socket.create_connection(("127.0.0.1", small.port), timeout=5) as newcomer:
        small.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not small.listens(), 1, "closed to others")
        newcomer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: newcomer.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert small.process.wait(5) == 0


def test_whoever_has_knocked_before_a_door_closes_is_let_in() -> None:
    """Between a loop's last look at its door and the door's end the kernel lets callers in."""
    listener = socket.create_server(("127.0.0.1", 0))
    with ExitStack() as stack:
        callers = [
            stack.enter_context(socket.create_connection(listener.getsockname(), timeout=5))
            for _ in range(3)
        ]
        for inside in let_in(listener):
            with inside:
                inside.sendall(b"in")
        assert [caller.recv(2) for caller in callers] == [b"in"] * 3
    assert listener.fileno() == -1


def test_a_stop_waits_for_the_last_byte_of_a_slow_reader(small: Small) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", small.port))
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        asked = time.monotonic()
        time.sleep(0.5)
        small.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        received = 0
        while data := slow.recv(65536):
            received += len(data)
        last_byte = time.monotonic()
    assert received > 8_000_000
    assert small.process.wait(5) == 0
    assert last_byte - asked < 10  # the connection closed with its last byte, not with the drain


def test_a_stop_lets_a_websocket_finish(small: Small) -> None:
    with connect(f"ws://127.0.0.1:{small.port}/") as wire:
        heard = [wire.recv()]
        small.process.send_signal(signal.SIGTERM)
        heard += list(wire)
        assert wire.close_code == 1000
    assert heard == [str(number) for number in range(30)]
    assert small.process.wait(5) == 0


def test_a_second_signal_ends_the_waiting(small: Small) -> None:
    with httpx.stream("GET", f"{small.url}/?200") as answer:
        parts = answer.iter_text()  # kept: without it the client leaves
        next(parts)
        small.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert small.process.poll() is None
        small.process.send_signal(signal.SIGTERM)
        assert small.process.wait(8) == 0


@pytest.mark.parametrize(
    ("host", "words"), [("127.0.0.1", "is taken"), ("192.0.2.1", "no address of this machine")]
)
def test_where_nobody_can_listen_is_said_in_one_sentence(host: str, words: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CannotStart, match=words):
            server.require_free_port(host, taken.getsockname()[1])
