"""Django answers as many at once as it has connections; others wait a turn, bounded and fair."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from pytest_django import Settings

from api.errors import ServerOverloaded
from config import turns
from config.turns import Turns


def asks(_request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.01)")
    return HttpResponse()


def streams(request: HttpRequest) -> StreamingHttpResponse:
    asks(request)
    return StreamingHttpResponse(iter([b"first", b"second"]))


urlpatterns = [path("v1/asks", asks), path("v1/streams", streams)]


@pytest.fixture
def site(
    transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ASGIHandler]:
    """Two connections, for one of which nobody waits as long as three questions take."""
    settings.ROOT_URLCONF = __name__
    settings.DATABASE_POOL_SIZE = 2
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    with monkeypatch.context() as pooled:
        pool = {"min_size": 2, "max_size": 2, "timeout": 0.5}
        pooled.setitem(connection.settings_dict, "OPTIONS", {**options, "pool": pool})
        yield ASGIHandler()
        connection.close_pool()  # type: ignore[attr-defined]  # Postgres has it


def calling(site: ASGIHandler) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(site)  # type: ignore[arg-type]  # its stubs name messages otherwise
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_all_of_many_at_once_are_answered_though_few_have_a_connection(
    site: ASGIHandler,
) -> None:
    async with calling(site) as client:
        answers = await asyncio.gather(*(client.get("/v1/asks") for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}


async def test_who_reads_slowly_keeps_no_place_and_no_connection(site: ASGIHandler) -> None:
    begun, gone = asyncio.Queue[int](), asyncio.Event()
    readers = [asyncio.create_task(read_slowly(site, begun, gone)) for _ in range(5)]
    assert [await begun.get() for _ in readers] == [200] * 5
    async with calling(site) as client:
        assert (await client.get("/v1/asks")).status_code == 200
    gone.set()
    await asyncio.gather(*readers)


async def read_slowly(site: ASGIHandler, begun: "asyncio.Queue[int]", gone: asyncio.Event) -> None:
    asked: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if asked:
            return asked.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        begun.put_nowait(message["status"])
        await asyncio.Future()

    scope: Any = {"type": "http", "method": "GET", "path": "/v1/streams"}
    await site({**scope, "headers": [(b"host", b"localhost")]}, receive, send)


async def test_a_refusal_is_json_for_programs_and_a_page_in_their_language_for_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door, german = Turns(places=1, most=0), {"Accept-Language": "de"}
    monkeypatch.setattr(turns, "Turns", lambda _places: door)
    async with door.turn("ada"), calling(ASGIHandler()) as client:
        refused = await client.get("/v1/asks", headers=german)
        page = await client.get("/dashboard/", headers=german)
    assert refused.status_code == page.status_code == 503
    assert refused.json()["error"]["code"] == "server_overloaded"
    assert refused.json()["error"]["message"] == turns.OVERLOADED
    assert refused.headers["retry-after"] == page.headers["retry-after"] == "1"
    assert "Zu viel auf einmal" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def in_turn(door: Turns, caller: str, answered: list[str], seconds: float = 0.0) -> None:
    async with door.turn(caller):
        await asyncio.sleep(seconds)
        answered.append(caller)


async def test_no_more_are_in_than_there_are_places_and_all_are_answered() -> None:
    door, inside, most = Turns(places=3), 0, 0

    async def ask() -> None:
        nonlocal inside, most
        async with door.turn("ada"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(ask() for _ in range(300)))
    assert most == 3
    assert door.waiting == 0


async def test_hundreds_of_one_caller_do_not_hold_up_the_one_of_another() -> None:
    door, answered = Turns(places=1), list[str]()
    many = [asyncio.create_task(in_turn(door, "ada", answered)) for _ in range(100)]
    await asyncio.sleep(0)
    await asyncio.gather(in_turn(door, "mallory", answered), *many)
    assert answered.index("mallory") <= 5


async def test_beyond_the_queue_the_wait_is_told_and_another_caller_still_has_room() -> None:
    door, answered = Turns(places=1, most=10), list[str]()
    many = [asyncio.create_task(in_turn(door, "ada", answered, 0.001)) for _ in range(30)]
    await asyncio.sleep(0)
    await asyncio.gather(in_turn(door, "mallory", answered))
    ends = await asyncio.gather(*many, return_exceptions=True)
    refused = [end for end in ends if isinstance(end, ServerOverloaded)]
    assert len(refused) == 30 - 1 - 10 + 1
    assert all(error.retry_after and error.retry_after >= 1 for error in refused)
    assert answered.count("mallory") == 1


async def test_what_is_told_to_wait_is_how_long_those_before_take() -> None:
    door = Turns(places=2, most=4)
    door._mean = 3.0
    many = [asyncio.create_task(in_turn(door, "ada", [], 1)) for _ in range(6)]
    await asyncio.sleep(0)
    with pytest.raises(ServerOverloaded) as refused:
        await in_turn(door, "ada", [])
    assert refused.value.retry_after == 6.0
    await leave(*many)


async def test_nobody_waits_longer_than_the_longest() -> None:
    door = Turns(places=1, longest=0.01)
    slow = asyncio.create_task(in_turn(door, "ada", [], 60))
    await asyncio.sleep(0)
    with pytest.raises(ServerOverloaded):
        await in_turn(door, "mallory", [])
    assert door.waiting == 0
    await leave(slow)


async def test_who_leaves_gives_up_the_turn_also_in_the_moment_in_which_it_comes() -> None:
    door, answered = Turns(places=1), list[str]()
    first = asyncio.create_task(in_turn(door, "ada", answered, 60))
    second, third = (asyncio.create_task(in_turn(door, "ben", answered)) for _ in range(2))
    await asyncio.sleep(0)
    await leave(third)
    assert door.waiting == 1
    door._hand_on()  # as the first does when it has been answered
    door._busy += 1
    await leave(second)
    await leave(first)
    async with asyncio.timeout(1):
        await in_turn(door, "mallory", answered)
    assert answered == ["mallory"]
    assert door._busy == 0


async def leave(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
