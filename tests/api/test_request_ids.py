"""Every call has an id and a last word, however it ends."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import request_ids
from api.request_ids import RequestIds


def client(*routes: Route) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(RequestIds(Starlette(routes=list(routes))))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_the_id_on_the_answer_is_the_one_seen_inside() -> None:
    async def seen(request: Request) -> Response:
        in_a_task = await asyncio.create_task(asyncio.to_thread(request_ids.current))
        return JSONResponse([request_ids.current(), request.state.request_id, in_a_task])

    async with client(Route("/", seen)) as http:
        first, second = await http.get("/"), await http.get("/")
    assert first.json() == [first.headers["x-request-id"]] * 3
    assert first.headers["x-request-id"].startswith("req_")
    assert len(first.headers["x-request-id"]) == 36
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["openai-version"] == "2020-10-01"
    assert int(first.headers["openai-processing-ms"]) >= 0
    assert request_ids.current() == ""


async def test_errors_are_stamped_too() -> None:
    async with client() as http:
        assert "x-request-id" in (await http.get("/nowhere")).headers


async def test_json_and_streams_are_never_cached_and_other_answers_decide_themselves() -> None:
    async def json(_: Request) -> Response:
        return JSONResponse({})

    async def stream(_: Request) -> Response:
        return StreamingResponse(iter([b"data: 1\n\n"]), media_type="text/event-stream")

    async def text(_: Request) -> Response:
        return PlainTextResponse("", headers={"cache-control": "max-age=60"})

    async with client(Route("/json", json), Route("/sse", stream), Route("/text", text)) as http:
        assert (await http.get("/json")).headers["cache-control"] == "no-store"
        assert (await http.get("/sse")).headers["cache-control"] == "no-store"
        assert (await http.get("/text")).headers.get_list("cache-control") == ["max-age=60"]


async def test_stamps_are_asked_when_the_answer_starts_and_yield_to_the_application() -> None:
    remaining = {"x-remaining": "9", "x-mine": "stamp"}

    async def spend(_: Request) -> Response:
        request_ids.stamp(lambda: remaining)
        remaining["x-remaining"] = "8"
        return JSONResponse({}, headers={"X-Mine": "application"})

    async with client(Route("/", spend)) as http:
        answer = await http.get("/")
    assert answer.headers["x-remaining"] == "8"
    assert answer.headers.get_list("x-mine") == ["application"]


async def test_callbacks_run_when_the_call_is_answered() -> None:
    ended: list[str] = []

    async def answer(_: Request) -> Response:
        request_ids.on_abandon(lambda: ended.append(request_ids.current()))
        request_ids.on_abandon(lambda: ended.append("second"))
        return JSONResponse({})

    async with client(Route("/", answer)) as http:
        request_id = (await http.get("/")).headers["x-request-id"]
    assert ended == ["second", request_id]


async def test_callbacks_run_when_the_call_is_cancelled() -> None:
    ended = []
    waiting = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        request_ids.on_abandon(lambda: ended.append("cancelled"))
        waiting.set()
        await asyncio.sleep(60)

    call = asyncio.create_task(_call(app))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended == ["cancelled"]


async def test_one_failing_callback_does_not_stop_the_others() -> None:
    ended = []

    def fail() -> None:
        raise LookupError("broken callback")

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        request_ids.on_abandon(lambda: ended.append("first"))
        request_ids.on_abandon(fail)

    with pytest.raises(LookupError):
        await _call(app)
    assert ended == ["first"]
    assert request_ids.current() == ""


async def _call(app: ASGIApp) -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(message: object) -> None:
        assert message

    await RequestIds(app)({"type": "http", "path": "/", "headers": []}, receive, send)
