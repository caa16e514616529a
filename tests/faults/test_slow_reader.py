"""A client that asks for much and reads nothing costs the server little."""

import json
import os
import socket
import time
from pathlib import Path

from tests.faults.conftest import GENEROUS
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

PAGE = os.sysconf("SC_PAGE_SIZE")
READERS = 6


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def _ask(tenant: Tenant, call: dict[str, object]) -> socket.socket:
    host, port = tenant.url.removeprefix("http://").split(":")
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((host, int(port)))
    body = json.dumps(call).encode()
    wire.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Authorization: Bearer " + tenant.api_key.encode() + b"\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )
    return wire


def test_streams_that_nobody_reads_do_not_pile_up_in_the_web_process(
    fire: Server,
) -> None:
    patron = fire.tenant("Asks for much", credit="100.00", **GENEROUS)
    web = fire.child("serve ")
    before = _megabytes(web)
    call = {
        "model": "scripted",
        "messages": [{"role": "user", "content": "#words=8000"}],
        "max_tokens": 8000,
        "n": 8,
        "stream": True,
    }
    silent = [_ask(patron, call) for _ in range(READERS)]
    time.sleep(6)
    grown = _megabytes(web) - before
    try:
        assert grown < 80, f"{grown:.0f} MB for {READERS} readers"
        patron.ask("one two", model="scripted")  # others are served meanwhile
    finally:
        for wire in silent:
            wire.close()
    wait_until(lambda: patron.get("/v1/balance")["held_nano"] == 0, PATIENCE, "holds closed")


def test_a_slow_reader_gets_every_byte(rich: Tenant) -> None:
    call = {
        "model": "scripted",
        "messages": [{"role": "user", "content": "#words=3000"}],
        "max_tokens": 3000,
        "stream": True,
    }
    wire = _ask(rich, call)
    received = b""
    while b"[DONE]" not in received[-40:]:
        piece = wire.recv(65_536)
        assert piece, received[-300:]
        received += piece
        time.sleep(0.002)
    wire.close()
    assert received.count(b'"content":"') >= 1
    assert b"w3000" in received
