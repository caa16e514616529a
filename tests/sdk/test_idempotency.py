"""A server that dies after charging and before answering charges once."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

import smarter
from tests.running import Tenant


class DyingServer:
    """Stands before the platform: passes a request on, and drops the line instead of the answer.

    It does so `deaths` times, then answers like a healthy server.
    """

    def __init__(self, platform: str, deaths: int) -> None:
        self.platform, self.deaths = httpx.URL(platform), deaths
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.served = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                answer = self._asked_of_the_platform(connection)
                self.served += 1
                if self.served > self.deaths:
                    connection.sendall(answer)

    def _asked_of_the_platform(self, connection: socket.socket) -> bytes:
        """The platform's whole answer: by then it has charged."""
        head, _, body = connection.recv(1 << 20).partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        lower = {name.lower(): value for name, value in fields.items()}
        while len(body) < int(lower[b"content-length"]):
            body += connection.recv(1 << 20)
        kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection")]
        port = self.platform.port or 80
        with socket.create_connection((self.platform.host, port)) as platform:
            platform.sendall(b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + body)
            return b"".join(iter(lambda: platform.recv(1 << 20), b""))


@pytest.fixture
def dying(reader: Tenant) -> Iterator[DyingServer]:
    made = DyingServer(reader.url, deaths=2)
    made.thread.start()
    yield made
    made.listener.close()


def test_a_call_whose_answer_is_lost_twice_is_charged_once(
    dying: DyingServer, reader: Tenant
) -> None:
    before = reader.balance_nano()
    with smarter.Smarter(api_key=reader.api_key, base_url=dying.url) as client:
        answer = client.chat.completions.create(
            model="smarter-mini", messages=[{"role": "user", "content": "Count to 5"}]
        )
    assert dying.served == 3
    assert answer.choices[0].message.content
    charged = before - reader.balance_nano()
    with smarter.Smarter(api_key=reader.api_key, base_url=f"{reader.url}/v1") as client:
        generation = client.resources.generation(answer.id)
        assert client.resources.ledger(limit=1).data[0].generation == generation.id
    assert charged == generation.cost_nano
    assert charged > 0
