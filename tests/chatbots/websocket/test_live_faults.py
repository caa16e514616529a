"""What breaks while an answer is written: the process, a deploy, a client that does not read."""

import json
import os
import signal
import socket as sockets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatbots.protocol.limits import STALL_SECONDS
from tests.chatbots.websocket import live
from tests.chatbots.websocket.bots import ORIGIN
from tests.chatbots.websocket.live import Browser, LiveBot, browser, text_of
from tests.patience import PATIENCE
from tests.running import Server, wait_until

SCRIPTED = (
    *("models", "add", "scripted", "--engine", "scripted:"),
    *("--input-price", "1", "--output-price", "2", "--context", "8192"),
)
MANY = {"messages": 10_000, "address_messages": 100_000}


KINDS = [
    pytest.param(kind, marks=pytest.mark.xdist_group(f"faults_of_{kind}"))
    for kind in ("daphne", "uvicorn")
]


@pytest.fixture(scope="module", params=KINDS)
def bot(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[LiveBot]:
    """Every test leaves a server that runs."""
    place = tmp_path_factory.mktemp("chat") / "data"
    server = Server(place, options=("--server", request.param), engine=False).start()
    server.manage(*SCRIPTED)
    server.tenant("Bakery", credit="5.00")
    yield live.made(server, "Bakery", max_output_tokens=8000, limits=MANY)
    server.end()


def begun(visitor: Browser, words: str, shown: int = 40) -> str:
    """Ask, and read so many characters; the answer's id."""
    visitor.ask(words)
    while len(visitor.text) < shown:
        visitor.hear()
    created = [frame for frame in visitor.heard if frame["type"] == "response.created"]
    response_id: str = created[0]["response"]["id"]
    return response_id


def test_after_a_killed_process_the_text_is_the_stored_text(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        response_id = begun(visitor, "#words=2000 #pace=10", shown=400)
        kept, last, heard = visitor.kept, visitor.last, visitor.heard
        os.kill(bot.server.child("serve"), signal.SIGKILL)
        assert visitor.code() == 1006
    wait_until(bot.server.ready, PATIENCE, "ready again")
    resume = {"response_id": response_id, "starting_after": last}
    with browser(bot, resume=resume, **kept) as visitor:
        visitor.heard = [*heard, *visitor.heard]
        while visitor.hear("response.snapshot", 60)["response"]["status"] == "in_progress":
            pass  # until it counts as lost
        visitor.send({"type": "conversation.items.list"})
        stored = visitor.hear("conversation.items.listed")["items"][-1]
        assert stored["response_id"] == response_id
        assert visitor.text == stored["content"][0]["text"]
        words = visitor.text.split()
        assert words == [f"w{place}" for place in range(1, len(words) + 1)]
        assert len(words) > 20, "what was told before is not lost"
        visitor.heard.clear()
        visitor.ask("one two", "e2")
        visitor.answer()
        assert visitor.text == "one two", "the conversation goes on"


def test_a_deploy_is_told_and_cuts_no_answer(bot: LiveBot) -> None:
    with browser(bot) as busy, browser(bot) as idle:
        begun(busy, "#words=150 #pace=20")
        process = bot.server.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        closing = idle.hear("session.closing")
        assert closing["reason"] == "restart"
        assert idle.code() == 1012
        final = busy.answer()
        assert busy.text == text_of(final["response"])
        assert len(busy.text.split()) == 150
        assert busy.code() == 1012
    code = process.wait(PATIENCE)
    bot.server.end()
    bot.server.start()
    assert code == 0


def test_who_does_not_read_is_closed_and_can_resume(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        kept = visitor.kept
    slow = raw_session(bot, kept["visitor_token"])
    web = bot.server.child("serve")
    before = memory(web)
    again = masked({"type": "response.create", "event_id": "e1", "input": "#words=7000"})
    with suppress(OSError):  # it may be closed already
        for _ in range(40):  # so that more is said than kernels keep for a client
            slow.sendall(again)
            time.sleep(0.2)
        time.sleep(STALL_SECONDS + 3)
    assert memory(web) - before < 50_000_000
    slow.settimeout(20)
    with suppress(ConnectionResetError):
        while slow.recv(1 << 20):
            pass
    slow.close()
    with browser(bot, **kept) as visitor:
        said = visitor.session["conversation"]["items"]
        response_id = said[-1]["response_id"]
        visitor.send({"type": "response.resume", "response_id": response_id, "starting_after": -1})
        final = visitor.answer()
        assert visitor.text == text_of(final["response"]) == said[-1]["content"][0]["text"]


def test_who_does_not_answer_pings_is_dropped_within_a_minute(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        token = visitor.session["visitor_token"]
    silent = raw_session(bot, token)
    silent.settimeout(75)
    began = time.monotonic()
    with suppress(ConnectionResetError):
        while silent.recv(65536):
            pass
    assert 20 < time.monotonic() - began < 65
    silent.close()


def raw_session(bot: LiveBot, token: str) -> sockets.socket:
    """A client that speaks, but neither reads nor answers pings by itself."""
    wire = sockets.create_connection(("127.0.0.1", bot.server.port))
    wire.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    wire.sendall(
        f"GET /ws/chatbots/{bot.name}/ HTTP/1.1\r\nHost: 127.0.0.1:{bot.server.port}\r\n"
        f"Origin: {ORIGIN}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat.v1\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert wire.recv(12).endswith(b" 101"), "upgraded"
    session = {"key": bot.key, "visitor_token": token}
    wire.sendall(masked({"type": "session.update", "session": session}))
    return wire


def masked(frame: object) -> bytes:
    """A text frame as clients must send it; a mask of zeros changes nothing."""
    raw = json.dumps(frame).encode()
    short = len(raw) < 126  # a length must be as short as it can
    length = bytes([0x80 | len(raw)]) if short else b"\xfe" + len(raw).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + raw


def memory(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
