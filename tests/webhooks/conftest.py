"""A receiver on this machine, and an endpoint of Ada's that leads to it."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from accounts import sealing
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks import emit
from tests.accounts.conftest import ClientOf, client_of, fresh_memory
from tests.cast import Person

__all__ = ["ClientOf", "client_of", "fresh_memory"]  # fixtures that tests here use, too

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """Answers with `status`; remembers bodies and headers."""

    status: int = 200
    answer: bytes = b"thanks"
    location: str = ""
    pause: float = 0.0  # seconds between the bytes of the answer
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            told.bodies.append(body)
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(told.status)
            if told.location:
                self.send_header("location", told.location)
            self.end_headers()
            with suppress(OSError):  # nobody waits for the rest
                for byte in told.answer if told.pause else ():
                    self.wfile.write(bytes([byte]))
                    time.sleep(told.pause)
            if not told.pause:
                self.wfile.write(told.answer)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    told.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(ada: Person, receiver: Receiver, settings: Settings) -> WebhookEndpoint:
    settings.WEBHOOKS_MAY_CALL_PRIVATE = True
    return WebhookEndpoint.objects.create(
        organisation=ada.organisation, url=f"http://127.0.0.1:{receiver.port}/hook",
        events=["balance.low"], sealed_secret=sealing.seal(SECRET),
    )  # fmt: skip


@pytest.fixture
def delivery(endpoint: WebhookEndpoint) -> WebhookDelivery:
    emit(endpoint.organisation_id, "balance.low", {"balance": "0.40"})
    found: WebhookDelivery = WebhookDelivery.objects.get()
    return found
