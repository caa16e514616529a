"""Websockets under both servers: frames in are bounded, frames out wait for the client."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.strict_json import MAX_BYTES
from tests.running import free_port, wait_until

SITE = Path(__file__).with_name("socket_site.py")
FRAMES, SIZE = 1000, 65_536


@pytest.fixture(params=["daphne", "uvicorn"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Host and port."""
    port = free_port()
    with subprocess.Popen([sys.executable, str(SITE), request.param, str(port)]) as process:
        found = f"127.0.0.1:{port}"
        wait_until(lambda: _answers(found), 30, "listening")
        yield found
        process.kill()


def _answers(address: str) -> bool:
    try:
        return _sent(address) == 0
    except httpx.ConnectError:
        return False


def _sent(address: str) -> int:
    return int(httpx.get(f"http://{address}/", timeout=5).text)


def test_a_server_waits_for_a_client_that_does_not_read(address: str) -> None:
    with connect(f"ws://{address}/flood", max_size=None, max_queue=1) as wire:
        time.sleep(1)
        waiting = _sent(address)
        assert waiting * SIZE < 20_000_000, "what the client has not read is kept in memory"
        assert len([wire.recv() for _ in range(FRAMES)]) == FRAMES
        with pytest.raises(ConnectionClosed) as closed:
            wire.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert _sent(address) == FRAMES


def test_large_messages_arrive_and_huge_ones_end_the_connection(address: str) -> None:
    with connect(f"ws://{address}/") as wire:
        wire.send("x" * (MAX_BYTES + 1000))
        assert wire.recv() == str(MAX_BYTES + 1000)
    # A close that comes while the client still sends may be lost on the way.
    codes = {_code_of_the_end(address) for _ in range(3)}
    assert 1009 in codes <= {1009, None}


def test_what_the_application_does_not_take_is_not_read(address: str) -> None:
    """It takes one message a second: the client's others wait with the client."""
    with connect(f"ws://{address}/slow", max_size=None, compression=None) as wire:
        frame, begun = "x" * 200_000, time.monotonic()
        for _ in range(100):
            wire.send(frame)
            if time.monotonic() - begun > 1.5:
                break
        else:
            pytest.fail("20 MB were read of which nobody took more than a few frames")


def _code_of_the_end(address: str) -> int | None:
    with connect(f"ws://{address}/") as wire, pytest.raises(ConnectionClosed) as closed:
        _say(wire, "x" * (2 * MAX_BYTES + 1000))
    return closed.value.rcvd.code if closed.value.rcvd else None


def _say(wire: ClientConnection, text: str) -> None:
    wire.send(text)
    wire.recv()
