"""The edge: wrong hosts, plain HTTP and false proxies are refused before any framework runs."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from config.edge import Edge


@dataclass
class Door:
    """What stands behind the edge; remembers the scheme of the calls that came through."""

    schemes: list[str] = field(default_factory=list)
    page: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.schemes.append(scope["scheme"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        answer = HTMLResponse("<p>") if self.page else PlainTextResponse("ok")
        await answer(scope, receive, send)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def edge(door: Door) -> Edge:
    return Edge(door, ["api.example.com", "[::1]"], ["10.0.0.0/8"], https_only=False)


async def call(
    edge: Edge, path: str = "/v1/models", host: str = "api.example.com", **scope: Any
) -> Answer:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    extra = scope.pop("headers", [])
    called = {
        "type": "http", "method": "GET", "path": path, "scheme": "http",
        "client": ("192.0.2.1", 1), "headers": [(b"host", host.encode()), *extra], **scope,
    }  # fmt: skip
    if called["scheme"] is None:
        del called["scheme"]
    await edge(called, receive, send)
    if called["type"] == "websocket":
        return Answer(int(sent[0].get("code", 101)), {}, sent[0]["type"])
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, sent[1]["body"].decode())


@pytest.mark.parametrize("host", ["api.example.com", "api.example.com:8000", "[::1]:8000"])
async def test_a_known_host_is_let_in(edge: Edge, host: str) -> None:
    assert (await call(edge, host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "", "api.example.com.evil.example", "a b"])
async def test_any_other_host_gets_our_error(edge: Edge, door: Door, host: str) -> None:
    answer = await call(edge, host=host)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "wrong_host"
    assert door.schemes == []


async def test_a_websocket_of_another_host_is_closed(edge: Edge, door: Door) -> None:
    answer = await call(edge, host="evil.example", type="websocket", scheme="ws")
    assert (answer.status, answer.body) == (4403, "websocket.close")
    assert door.schemes == []


async def test_a_socket_whose_server_names_no_scheme_is_let_in(edge: Edge, door: Door) -> None:
    """As under Daphne."""
    answer = await call(edge, type="websocket", scheme=None)
    assert (answer.body, door.schemes) == ("websocket.accept", ["ws"])


async def test_two_host_headers_are_no_host(edge: Edge, door: Door) -> None:
    answer = await call(edge, headers=[(b"host", b"api.example.com")])
    assert json.loads(answer.body)["error"]["code"] == "wrong_host"
    assert door.schemes == []


async def test_two_keys_are_no_key(edge: Edge, door: Door) -> None:
    answer = await call(edge, headers=[(b"authorization", b"Bearer a")] * 2)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert door.schemes == []


async def test_a_packed_body_is_refused_before_anybody_reads_it(edge: Edge, door: Door) -> None:
    answer = await call(edge, headers=[(b"content-encoding", b"gzip")])
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "unsupported_encoding"
    assert door.schemes == []
    assert (await call(edge, headers=[(b"content-encoding", b"identity")])).status == 200


async def test_production_refuses_plain_http_with_an_error_and_no_redirect(edge: Edge) -> None:
    answer = await call(replace(edge, https_only=True))
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "https_required"
    assert "location" not in answer.headers


async def test_production_takes_https_and_says_so_for_a_year(edge: Edge) -> None:
    answer = await call(replace(edge, https_only=True), scheme="https")
    assert answer.status == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_health_is_asked_by_address_and_in_clear(edge: Edge) -> None:
    strict = replace(edge, https_only=True)
    assert (await call(strict, "/health/ready", host="10.1.2.3")).status == 200
    assert (await call(strict, "/health/other", host="10.1.2.3")).status == 400


@pytest.mark.parametrize(
    ("peer", "seen"), [("10.1.2.3", "https"), ("192.0.2.1", "http"), ("", "http")]
)
async def test_only_a_trusted_proxy_may_say_that_a_call_was_https(
    edge: Edge, door: Door, peer: str, seen: str
) -> None:
    said = [(b"x-forwarded-proto", b"https")]
    await call(edge, headers=said, client=(peer, 1) if peer else None)
    assert door.schemes == [seen]


async def test_a_proxy_that_speaks_for_a_websocket_keeps_it_one(edge: Edge, door: Door) -> None:
    said = [(b"x-forwarded-proto", b"https")]
    await call(edge, headers=said, client=("10.1.2.3", 1), type="websocket", scheme="ws")
    assert door.schemes == ["wss"]


async def test_pages_get_a_content_policy_and_answers_of_the_api_do_not(
    edge: Edge, door: Door
) -> None:
    assert "content-security-policy" not in (await call(edge)).headers
    door.page = True
    policy = (await call(edge, "/docs/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


async def test_every_answer_forbids_guessing_its_type(edge: Edge) -> None:
    assert (await call(edge)).headers["x-content-type-options"] == "nosniff"
