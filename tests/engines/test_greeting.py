"""Over TCP the engine reads nothing of who has not proved that the secret is known."""

from typing import Any, cast

import pytest

from inference.engines.base import EngineInfo
from inference.engines.local import connection, frames
from inference.engines.local.connection import Connection, Host
from inference.engines.local.frames import EngineHealth

SECRET = "a long random text"
ASK = [frames.HEALTH, 1]


class Transport:
    def __init__(self) -> None:
        self.reader = frames.FrameReader()
        self.heard: list[list[Any]] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.heard += self.reader.feed(data)

    def close(self) -> None:
        self.closed = True


class Engine:
    secret = SECRET
    info = EngineInfo("m", 100, 3, 1, "float32", "cpu")

    def __init__(self) -> None:
        self.connections: set[Connection] = set()

    def health(self) -> EngineHealth:
        return EngineHealth("ok", 0.0, 0, 1, 0, 0)


def reached() -> tuple[Connection, Transport, bytes]:
    """A connection, what it says, and its nonce."""
    made, transport = Connection(cast("Host", Engine())), Transport()
    made.connection_made(cast("Any", transport))
    ((verb, nonce),) = transport.heard
    assert verb == frames.HELLO
    transport.heard.clear()
    return made, transport, nonce


def answered(transport: Transport) -> bool:
    return any(verb == frames.ANSWER for verb, *_ in transport.heard)


def test_who_proves_it_is_served() -> None:
    gateway, transport, nonce = reached()
    gateway.data_received(frames.pack([frames.HELLO, frames.proof(SECRET, nonce)]))
    gateway.data_received(frames.pack(ASK))
    assert answered(transport)


@pytest.mark.parametrize("proof", [b"", b"x" * 32, SECRET.encode()], ids=["none", "any", "itself"])
def test_who_does_not_is_cut_off_and_asks_in_vain(proof: bytes) -> None:
    stranger, transport, _nonce = reached()
    stranger.data_received(frames.pack([frames.HELLO, proof]) + frames.pack(ASK))
    assert transport.closed
    assert not answered(transport)


def test_who_does_not_greet_is_cut_off() -> None:
    stranger, transport, _nonce = reached()
    stranger.data_received(frames.pack(ASK))
    assert transport.closed
    assert not answered(transport)


def test_a_proof_that_was_overheard_proves_nothing_on_another_connection() -> None:
    _, _, nonce = reached()
    stranger, transport, other = reached()
    assert other != nonce
    stranger.data_received(frames.pack([frames.HELLO, frames.proof(SECRET, nonce)]))
    assert transport.closed


def test_a_strangers_words_are_not_kept_until_there_are_64_mebibytes_of_them() -> None:
    stranger, transport, _nonce = reached()
    stranger.data_received(frames.pack([frames.HELLO, b"x" * connection.MAX_GREETING]))
    assert transport.closed
    assert not transport.heard
