"""A Stripe that does what a test says: answers like the API, and signs events like the original."""

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

SECRET = "whsec_of_the_test"


@dataclass
class ScriptedStripe:
    """Remembers what it was asked; `status` is what it answers, with `answer` where one is set."""

    status: int = 200
    answer: dict[str, Any] | None = None
    paths: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_port}"

    def start(self) -> "ScriptedStripe":
        stripe = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.answer(body)

            def do_GET(self) -> None:
                self.answer(self.path.partition("?")[2])

            def answer(self, asked: str) -> None:
                stripe.asked.append(dict(parse_qsl(asked)))
                stripe.paths.append(self.path.partition("?")[0])
                stripe.headers.append({k.lower(): v for k, v in self.headers.items()})
                usual = {"id": f"cs_test_{len(stripe.asked)}", "url": f"{stripe.url}/pay"}
                self.send_response(stripe.status)
                self.end_headers()
                self.wfile.write(json.dumps(stripe.answer or usual).encode())

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"id": "evt_1", "type": kind, "data": {"object": fields}}).encode()


def signature(body: bytes, at: float | None = None, secret: str = SECRET) -> str:
    moment = int(at if at is not None else time.time())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed},v0=ancient"
