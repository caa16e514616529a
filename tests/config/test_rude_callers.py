"""Both web servers: calls that no client library makes get a plain answer, and no traceback."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import ROOT, free_port, wait_until

SITE = Path(__file__).with_name("whole_site.py")
HOST = "Host: localhost"
EMPTY = "Content-Length: 0"
UPGRADE = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes

    @property
    def error(self) -> dict[str, str]:
        assert self.kind == "application/json", self
        error: dict[str, str] = json.loads(self.body)["error"]
        return error


@dataclass(frozen=True)
class Site:
    port: int
    log: Path

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, path: str, *headers: str, method: str = "GET") -> Answer:
        """Headers go out as they are; without any, the right host does."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        wire.putrequest(method, path, skip_host=True)
        for header in headers or (HOST,):
            name, _, value = header.partition(": ")
            wire.putheader(name, value.encode("latin-1"))
        wire.endheaders()
        with closing(wire), wire.getresponse() as answer:
            return Answer(answer.status, answer.getheader("content-type", ""), answer.read())


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    log = tmp_path_factory.mktemp("rude") / "log"
    roots = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform")))}
    found = Site(free_port(), log)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, str(SITE), request.param, str(found.port)],
            env=os.environ | roots, stdout=output, stderr=output,
        ) as process,
    ):  # fmt: skip
        wait_until(found.listens, 60, "listening")
        yield found
        process.terminate()
    said = log.read_text()
    assert "Traceback" not in said, said
    assert "[error" not in said, said


@pytest.mark.parametrize(
    "path", ["/v1/conversations", "/wss/nothing/", "/v1/chat/completions", "/"]
)
@pytest.mark.parametrize("host", [HOST, "Host: evil.example"])
def test_sockets_that_nobody_serves_are_refused_at_the_door(
    site: Site, path: str, host: str
) -> None:
    assert site.ask(path, host, *UPGRADE).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        (HOST, HOST),
        (HOST, "Host: evil.example"),
        ("Host: evil.example",),
        ("Host: a b",),
        ("Host: localhost:port",),
        ("Host: \xe9\xff",),
        ("Host: ",),
        ("Host: " + "a" * 5_000,),
    ],
)
def test_hosts_that_are_not_ours_get_our_error(site: Site, headers: tuple[str, ...]) -> None:
    answer = site.ask("/v1/me", *headers)
    assert answer.status == 400
    assert answer.error["code"] in {"wrong_host", None}  # None: the parser of HTTP refused it


@pytest.mark.parametrize("host", ["Host: probe", "Host: a b", "Host: 10.0.0.1:1"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_probes_come_by_any_host_and_learn_in_json_which_methods_there_are(
    site: Site, host: str, method: str
) -> None:
    answer = site.ask("/health/live", host, EMPTY, method=method)
    if method in {"GET", "HEAD"}:
        assert (answer.status, answer.kind) == (200, "application/json")
        assert answer.body == (b"" if method == "HEAD" else b'{"status": "ok"}')
    else:
        assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/v1/me", "/v1/chat/completions"])
def test_two_keys_in_one_call_are_none(site: Site, path: str) -> None:
    two = ("Authorization: Bearer a", "Authorization: Bearer b")
    answer = site.ask(path, HOST, EMPTY, *two, method="POST")
    assert answer.status == 401
    assert answer.error["message"] == "Send one Authorization header."


CHUNKED = b"POST /v1/me HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /", b"a"),
        (b"GET /v1/me HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
        (b"GET /v1/me HTTP/1.1\r\nHost: localhost\r\n", b"x: y\r\n"),
        (CHUNKED + b"5;", b"a"),
        (CHUNKED + b"0\r\n", b"x: y\r\n"),
        (CHUNKED + b"0\r\nx: ", b"a"),
    ],
    ids=["line", "header", "headers", "extension", "trailers", "trailer"],
)
def test_what_never_ends_is_cut_off_before_it_fills_the_memory(
    site: Site, begin: bytes, piece: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as wire:
        wire.sendall(begin)
        with pytest.raises(ConnectionError):
            wire.sendall(piece * (12_000_000 // len(piece)))


def test_a_browser_that_asks_for_an_icon_is_not_told_of_an_api(site: Site) -> None:
    assert site.ask("/favicon.ico").status == 204
