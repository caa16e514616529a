"""A model hub on this machine: the two routes that a download needs, and the ways they fail."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "c0ffee" + "0" * 34
GATED = "tiny/gated"


@dataclass
class FakeHub:
    """Serves `files` as the repository tiny/llama; its other fields are its faults."""

    files: dict[str, bytes]
    large: frozenset[str] = frozenset({"model.safetensors"})  # named by sha256, the rest by git
    cuts: int = 0  # so many transfers of a large file end after `cut_after` more bytes
    cut_after: int = 100
    ignores_ranges: bool = False
    damaged: str = ""  # this file arrives with one byte changed
    without_checksums: bool = False
    errors: int = 0  # so many transfers answer 503 first
    endless: bool = False  # large files never stop
    ranges: list[tuple[str, str | None]] = field(default_factory=list)  # what was asked for
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""

    def listing(self) -> dict[str, object]:
        return {"sha": COMMIT, "siblings": [self.sibling(name) for name in self.files]}

    def sibling(self, name: str) -> dict[str, object]:
        content = self.files[name]
        told: dict[str, object] = {"rfilename": name, "size": len(content)}
        if self.without_checksums:
            return told
        if name in self.large:
            return told | {"lfs": {"sha256": hashlib.sha256(content).hexdigest()}}
        blob = b"blob %d\0" % len(content) + content
        return told | {"blobId": hashlib.sha1(blob, usedforsecurity=False).hexdigest()}

    def asked_for(self, name: str) -> list[str | None]:
        return [wanted for asked, wanted in self.ranges if asked == name]


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    server = _Server(hub)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: FakeHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        hub = self.server.hub
        path = urlsplit(self.path).path
        hub.tokens.append(self.headers.get("Authorization"))
        if path == "/api/models/tiny/llama/revision/main":
            self.send(200, json.dumps(hub.listing()).encode())
        elif path == f"/api/models/{GATED}/revision/main":
            self.send(401, b"{}")
        elif path.startswith(prefix := f"/tiny/llama/resolve/{COMMIT}/"):
            self.transfer(path.removeprefix(prefix))
        else:
            self.send(404, b"{}")

    def transfer(self, name: str) -> None:
        hub = self.server.hub
        wanted = self.headers.get("Range")
        hub.ranges.append((name, wanted))
        if hub.errors:
            hub.errors -= 1
            self.send(503, b"busy")
            return
        content = hub.files[name]
        if name == hub.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if hub.ignores_ranges:
            begin = 0
        self.send_response(206 if begin else 200)
        if hub.endless and name in hub.large:
            self.end_headers()
            self.pour()
            return
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        part = content[begin:]
        if name in hub.large and hub.cuts:
            hub.cuts -= 1
            part = part[: hub.cut_after]  # less than was promised: the line is cut
        self.wfile.write(part)

    def pour(self) -> None:
        try:
            while True:
                self.wfile.write(bytes(2**20))
        except OSError:
            self.close_connection = True

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Silence."""
