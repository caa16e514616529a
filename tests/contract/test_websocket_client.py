"""The vendor's client in websocket mode, sync and async, under both web servers."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from openai.types.responses import ResponseCompletedEvent
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.contract.conftest import GENEROUS
from tests.patience import PATIENCE
from tests.responses.sockets import LAST
from tests.running import Server, Tenant, wait_until

pytestmark = pytest.mark.filterwarnings(  # the vendor's client calls `websockets` in an older way
    "ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"
)
READERS = 6


Places = pytest.TempPathFactory
KINDS = pytest.mark.parametrize("kind", ["daphne", "uvicorn"])


def started(kind: str, places: Places) -> Server:
    place = places.mktemp(kind) / "data"
    running = Server(place, options=("--server", kind, "--no-worker"), engine=False).start()
    running.manage(
        *("models", "add", "scripted", "--engine", "scripted:"),
        *("--input-price", "1", "--output-price", "2", "--context", "16384"),
    )
    return running


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(request: pytest.FixtureRequest, tmp_path_factory: Places) -> Iterator[Server]:
    running = started(request.param, tmp_path_factory)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bees(site: Server) -> Tenant:
    return site.tenant("Bees", credit="100.00", **GENEROUS)


def answer(connection: Any) -> list[Any]:
    """The events of one response."""
    events = []
    for event in connection:
        events.append(event)
        if event.type in LAST:
            break
    return events


def raw(tenant: Tenant) -> ClientConnection:
    url = tenant.url.replace("http", "ws") + "/v1/responses"
    headers = {"Authorization": f"Bearer {tenant.api_key}"}
    wire: ClientConnection = connect(url, additional_headers=headers, max_size=None)
    return wire


def test_the_client_streams_a_response(bees: Tenant) -> None:
    with bees.client().responses.connect() as connection:
        connection.response.create(model="scripted", input="one two three #pace=5")
        events = answer(connection)
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert events[-1].response.output_text == "one two three"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "one two three"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.usage is not None


def test_turns_go_on_without_being_stored(bees: Tenant) -> None:
    client = bees.client()
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", input="a b c", store=False)
        first = answer(connection)[-1].response
        connection.response.create(
            model="scripted", input="d", store=False, previous_response_id=first.id
        )
        second = answer(connection)[-1].response
    assert second.usage.input_tokens == 7
    assert second.previous_response_id == first.id


def test_errors_come_as_the_clients_own_shape(bees: Tenant) -> None:
    with bees.client().responses.connect() as connection:
        connection.response.create(model="scripted", input="x", previous_response_id="resp_none")
        (error,) = answer(connection)
        assert type(error).__name__ == "ResponseWsError"
        assert (error.status, error.error.code) == (400, "previous_response_not_found")
        connection.response.create(model="scripted", input="x", stream_id="a")
        events = answer(connection)
    assert events[-1].type == "response.completed"
    assert {event.stream_id for event in events} == {"a"}


def test_a_wrong_key_opens_nothing(site: Server, bees: Tenant) -> None:
    stranger = Tenant(bees.url, bees.organisation, "sk-" + "x" * 43)
    if "uvicorn" in site.options:
        with pytest.raises(InvalidStatus) as refused:
            raw(stranger)
        assert refused.value.response.status_code == 401
        body = json.loads(refused.value.response.body or b"{}")
        assert body["error"]["code"] == "invalid_api_key"
        return
    with raw(stranger) as wire:
        assert json.loads(wire.recv())["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            wire.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_the_async_client_runs_connections_side_by_side(bees: Tenant) -> None:
    client = bees.async_client()

    async def one(number: int) -> str:
        async with client.responses.connect() as connection:
            await connection.response.create(model="scripted", input=f"words of {number} #pace=5")
            async for event in connection:
                if event.type == "response.completed":
                    return event.response.output_text
        raise AssertionError("no answer")

    said = await asyncio.gather(*(one(number) for number in range(20)))
    await client.close()
    assert said == [f"words of {number}" for number in range(20)]


def test_handlers_are_told(bees: Tenant) -> None:
    told: list[str] = []
    with bees.client().responses.connect() as connection:
        connection.on("response.output_text.delta", lambda event: told.append(event.delta))
        connection.on("response.completed", lambda _event: connection.close())
        connection.response.create(model="scripted", input="heard by handlers")
        connection.dispatch_events()
    assert "".join(told) == "heard by handlers"


def test_frames_that_are_too_large_are_refused_in_words(bees: Tenant) -> None:
    with raw(bees) as wire:
        wire.send(json.dumps({"type": "response.create", "input": "x" * 5_000_000}))
        assert json.loads(wire.recv())["error"]["code"] == "request_too_large"
        wire.send(json.dumps({"type": "response.create", "model": "scripted", "input": "fine"}))
        assert json.loads(wire.recv())["type"] == "response.created"
    with raw(bees) as wire:
        with pytest.raises(ConnectionClosed) as closed:
            _send_and_read(wire, "x" * 10_000_000)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def _send_and_read(wire: ClientConnection, frame: str) -> None:
    wire.send(frame)
    wire.recv()


def test_sockets_that_nobody_reads_hold_nobody_up(bees: Tenant) -> None:
    silent = [_ask_and_fall_silent(bees) for _ in range(READERS)]
    time.sleep(1)
    try:
        with bees.client().responses.connect() as connection:
            connection.response.create(model="scripted", input="one two")
            assert answer(connection)[-1].type == "response.completed"
    finally:
        for wire in silent:
            wire.close()
    wait_until(lambda: bees.get("/v1/balance")["held_nano"] == 0, PATIENCE, "holds closed")


def _ask_and_fall_silent(tenant: Tenant) -> socket.socket:
    host, port = tenant.url.removeprefix("http://").split(":")
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((host, int(port)))
    wire.sendall(
        b"GET /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer "
        + tenant.api_key.encode()
        + b"\r\n\r\n"
    )
    assert b" 101 " in wire.recv(4096)
    for lane in range(8):
        wire.sendall(_masked({
            "type": "response.create", "model": "scripted", "input": "#words=8000",
            "max_output_tokens": 8000, "store": False, "stream_id": str(lane),
        }))  # fmt: skip
    return wire


def _masked(frame: dict[str, object]) -> bytes:
    """A text frame as clients send it; a mask of zeros leaves the text as it is."""
    text = json.dumps(frame).encode()
    assert 126 <= len(text) < 65_536
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text


@KINDS
def test_a_stop_lets_responses_end_and_closes_sockets(kind: str, tmp_path_factory: Places) -> None:
    site = started(kind, tmp_path_factory)
    try:
        (heard, code), idle = _stopped_in_the_middle(site)
    finally:
        assert site.stop() == 0
    assert heard[0] == "response.created"
    assert heard[-1] == "response.completed"
    assert code == 1012
    assert idle == ([], 1012)


Heard = tuple[list[str], int | None]


def _stopped_in_the_middle(site: Server) -> tuple[Heard, Heard]:
    """What a busy and an idle socket heard, and how they were closed."""
    bees = site.tenant("Bees", credit="1.00", **GENEROUS)
    with raw(bees) as idle, raw(bees) as busy:
        busy.send(json.dumps(
            {"type": "response.create", "model": "scripted", "input": "#words=60 #pace=50"}
        ))  # fmt: skip
        first = json.loads(busy.recv())["type"]
        assert site.process is not None
        site.process.send_signal(signal.SIGTERM)
        of_idle = _end_of(idle)
        rest, code = _end_of(busy)
    return ([first, *rest], code), of_idle


def _end_of(wire: ClientConnection) -> Heard:
    kinds: list[str] = []
    try:
        while True:
            kinds.append(json.loads(wire.recv(timeout=20))["type"])
    except ConnectionClosed as closed:
        return kinds, closed.rcvd.code if closed.rcvd else None
