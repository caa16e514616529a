"""How a connection begins, what becomes of its responses when it ends, and who ends it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import APIKey, Organisation
from api import health, open_places
from api.errors import DatabaseUnavailable
from inference import open_sockets, responses, runs
from inference.gateway.websocket import connection, handshake
from inference.models import Response
from tests.inference.asgi import Tenant, until
from tests.inference.conftest import only_hold
from tests.patience import PATIENCE
from tests.responses.sockets import Socket, connected
from tests.responses.wire import read


@pytest.fixture
def draining() -> Iterator[None]:
    yield
    health.draining = False


async def test_a_wrong_key_is_refused_before_the_upgrade(bakery: Tenant) -> None:
    socket = Socket("sk-wrong", extensions=True)
    await socket.task
    start, body = socket.messages
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert json.loads(body["body"])["error"]["code"] == "invalid_api_key"


async def test_where_a_handshake_has_no_status_the_end_has_a_code(bakery: Tenant) -> None:
    socket = Socket("sk-wrong")
    await socket.task
    accepted, told, closed = socket.messages
    assert accepted["type"] == "websocket.accept"
    assert json.loads(told["text"])["status"] == 401
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_a_key_without_the_scope_is_refused(bakery: Tenant) -> None:
    await APIKey.objects.aupdate(scopes=["models:read"])
    socket = Socket(bakery.api_key)
    await socket.task
    assert socket.messages[-1]["code"] == 4403


async def test_a_key_has_so_many_connections(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "MOST_CONNECTIONS", 2)
    async with connected(bakery), connected(bakery):
        third = Socket(bakery.api_key)
        await third.task
        assert third.messages[-1]["code"] == 4429
    async with connected(bakery) as again:
        assert (await again.turn())["type"] == "response.completed"


async def test_a_revoked_key_is_refused_at_the_next_turn(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        assert (await socket.turn())["type"] == "response.completed"
        await APIKey.objects.aupdate(revoked_at=timezone.now())
        refused = await socket.turn()
        assert (refused["status"], refused["error"]["code"]) == (401, "invalid_api_key")


async def test_every_turn_takes_a_request_of_the_minute(bakery: Tenant) -> None:
    await APIKey.objects.aupdate(requests_per_minute=2)
    async with connected(bakery) as socket:
        kinds = [(await socket.turn())["type"] for _ in range(2)]
        refused = await socket.turn()
    assert kinds == ["response.completed"] * 2
    assert refused["status"] == 429
    assert int(refused["error"]["headers"]["retry-after"]) > 0


async def test_what_is_stored_goes_on_without_the_client(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=20 #pace=20")
        response_id = (await socket.hear())["response"]["id"]
    await until(lambda: not [task for task in asyncio.all_tasks() if "turns.py" in repr(task)])
    assert runs.open_runs() == 1
    assert (await only_hold()).completion_tokens == 20
    assert (await read(bakery, response_id)).json["status"] == "completed"


async def test_what_nobody_can_read_again_ends_with_the_client(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=2000 #pace=20", store=False)
        await socket.hear()
        socket.create("waits", store=False)
    assert 0 < ((await only_hold()).completion_tokens or 0) < 2000
    assert not await Response.objects.aexists()


async def test_a_client_that_leaves_while_a_response_begins_ends_it(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = responses.begin

    async def begin_slowly(*asked: Any, **more: Any) -> responses.ResponseRun:
        begun = await begin(*asked, **more)
        socket.leave()
        await socket.task
        return begun

    monkeypatch.setattr(responses, "begin", begin_slowly)
    socket = Socket(bakery.api_key)
    socket.create("#words=200 #pace=20", store=False)
    await socket.task
    assert ((await only_hold()).completion_tokens or 0) < 200


async def test_a_client_that_leaves_at_once_leaves_nothing_behind(bakery: Tenant) -> None:
    for _ in range(20):
        async with connected(bakery) as socket:
            socket.create("#words=2000 #pace=20", store=False)
            await asyncio.sleep(0.01)
    await until(lambda: runs.open_runs() == 0)
    await until(lambda: not open_places.of_this_process("key "))
    await until(lambda: not [task for task in asyncio.all_tasks() if "/inference/" in repr(task)])


async def test_a_stop_lets_responses_end_and_closes_the_socket(
    bakery: Tenant, draining: None
) -> None:
    async with connected(bakery) as idle, connected(bakery) as busy:
        busy.create("#words=40 #pace=20")
        await busy.hear()
        busy.create("waits", stream_id="other", store=False)
        health.draining = True
        assert await idle.closed() == 1012
        busy.create("too late")
        assert await busy.closed() == 1012
    frames = [json.loads(m["text"]) for m in busy.messages if m["type"] == "websocket.send"]
    assert [f["status"] for f in frames if f["type"] == "error"] == [503]
    assert sum(f["type"] == "response.completed" for f in frames) == 2
    late = Socket(bakery.api_key)
    await late.task
    assert late.messages[-1]["code"] == 1013


async def test_a_stop_does_not_wait_for_ever(
    bakery: Tenant, draining: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DRAIN_SECONDS", 2)
    async with connected(bakery) as busy:
        busy.create("#words=2000 #pace=20", store=False)
        await busy.hear()
        health.draining = True
        async with asyncio.timeout(PATIENCE):
            assert await busy.closed() == 1012


async def test_an_old_connection_is_told_and_ends(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LIFETIME", 0.3)
    async with connected(bakery) as socket:
        socket.create("#words=40 #pace=20")
        frames = await socket.answer()
        assert frames[-1]["error"]["code"] == "websocket_connection_limit_reached"
        assert (await socket.answer())[-1]["type"] == "response.completed"
        assert await socket.closed() == 1000


async def test_a_client_that_does_not_read_holds_nobody_up(bakery: Tenant) -> None:
    async with connected(bakery) as slow, connected(bakery) as quick:
        slow.held.clear()
        slow.create("#words=300")
        slow.create("#words=300", store=False, stream_id="unstored")
        for _ in range(5):
            assert (await quick.turn())["type"] == "response.completed"
        await until(lambda: runs.open_runs() == 0)
        assert len(slow.messages) == 1  # accepted
        slow.held.set()
        ended = 0
        while ended < 2:
            ended += (await slow.hear())["type"] == "response.completed"


@pytest.mark.parametrize("end", ["revoked", "suspended"])
async def test_an_open_socket_ends_with_its_key_and_what_runs_on_it_stops(
    bakery: Tenant, end: str
) -> None:
    async with connected(bakery) as socket:
        socket.create("#words=400 #pace=50", store=False)
        await socket.hear()
        if end == "revoked":
            await APIKey.objects.aupdate(revoked_at=timezone.now())
        else:
            await Organisation.objects.aupdate(suspended_at=timezone.now())
        async with asyncio.timeout(PATIENCE):
            await socket.task
        told, closed = socket.messages[-2:]
        assert json.loads(told["text"])["error"]["code"] == "invalid_api_key"
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await until(lambda: runs.open_runs() == 0)
    hold = await only_hold()
    assert hold.completion_tokens is not None
    assert hold.completion_tokens < 100


async def test_a_socket_outlives_a_database_that_is_away(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(_: object) -> set[str]:
        asked.set()
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(open_sockets, "still_good", away)
    async with connected(bakery) as socket:
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        assert (await socket.turn())["type"] == "response.completed"
