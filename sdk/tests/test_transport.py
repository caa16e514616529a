"""Plain httpx objects work as the transport's own: timeouts, transports, proxies, clients."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

import smarter
from sdk.tests.conftest import KEY, Script


class _Answers(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.client_address[0]))
        body = b'{"object": "list", "data": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def local() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A real server on this machine: its address, and what it was asked by whom."""
    seen: list[tuple[str, str]] = []
    answers = type("_Seen", (_Answers,), {"seen": seen})
    with HTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_a_plain_transport_is_used(local: tuple[str, list[tuple[str, str]]]) -> None:
    url, seen = local
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    http = smarter.DefaultHttpxClient(transport=transport)
    with smarter.Smarter(api_key=KEY, base_url=url, http_client=http) as client:
        client.models.list()
    assert seen == [("/models", "127.0.0.2")]


def test_a_proxy_is_asked_in_our_place(local: tuple[str, list[tuple[str, str]]]) -> None:
    url, seen = local
    http = smarter.DefaultHttpxClient(proxy=url)
    with smarter.Smarter(
        api_key=KEY, base_url="http://nowhere.test/v1", http_client=http
    ) as client:
        client.models.list()
    assert [path for path, _ in seen] == ["http://nowhere.test/v1/models"]


def test_ten_minutes_unless_told_otherwise(script: Script, client: smarter.Smarter) -> None:
    client.chat.completions.create(model="m", messages=[])
    assert script.asked[0].extensions["timeout"]["read"] == 600


@pytest.mark.parametrize(
    ("timeout", "read", "connect"),
    [(20.0, 20.0, 20.0), (httpx.Timeout(60.0, read=5.0, write=10.0, connect=2.0), 5.0, 2.0)],
)
def test_a_timeout_is_a_number_or_a_plain_one(
    timeout: float | httpx.Timeout, read: float, connect: float, script: Script
) -> None:
    http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
    client = smarter.Smarter(api_key=KEY, timeout=timeout, http_client=http)
    client.chat.completions.create(model="m", messages=[])
    client.with_options(timeout=timeout).chat.completions.create(model="m", messages=[])
    client.chat.completions.create(model="m", messages=[], timeout=timeout)  # type: ignore[arg-type]  # the transport's type is its own
    for request in script.asked:
        assert request.extensions["timeout"]["read"] == read
        assert request.extensions["timeout"]["connect"] == connect


def test_a_plain_timeout_works_with_the_transports_own_client() -> None:
    client = smarter.Smarter(api_key=KEY, timeout=httpx.Timeout(60.0, read=5.0))
    assert isinstance(client.timeout, httpx.Timeout | smarter.Timeout)
    with pytest.raises(smarter.APIConnectionError):
        client.with_options(max_retries=0, base_url="http://127.0.0.1:9/v1").models.list()


def test_leaving_the_context_closes_the_connections() -> None:
    http = smarter.DefaultHttpxClient()
    with smarter.Smarter(api_key=KEY, http_client=http) as client:
        assert not client.is_closed()
    assert client.is_closed()
    assert http.is_closed
