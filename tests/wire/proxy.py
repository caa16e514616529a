"""A proxy between the checks and the server, which makes the mistake that a call names."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.patience import PATIENCE
from tests.running import wait_until
from tests.wire.mistakes.making import MISTAKES, Call, Mistake, Told

ITS_OWN = {"connection", "transfer-encoding", "date", "server", "host"}
"""Headers that each connection has of its own."""


@contextmanager
def standing_before(upstream: str) -> Iterator[str]:
    """The address of a proxy before the server at `upstream`."""
    config = uvicorn.Config(
        _Proxy(upstream), log_level="error", lifespan="off", ws="none", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_until(lambda: server.started, PATIENCE, "the proxy listens")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


class _Proxy:
    """Passes on each piece as it comes. A call with a mistake is read to its end first."""

    def __init__(self, upstream: str) -> None:
        alone = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(base_url=upstream, limits=alone, timeout=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await _call(scope, receive)
        mistake = MISTAKES.get(call.headers.pop("x-mistake", ""))
        if mistake:
            await self._make(mistake, call, send)
        else:
            await _while_wanted(self._pass_on(call, send), receive)

    async def _pass_on(self, call: Call, send: Send) -> None:
        request = self._http.build_request(
            call.method, call.path, headers=call.headers, content=call.body
        )
        answer = await self._http.send(request, stream=True)
        try:
            await _start(send, Told(answer.status_code, _kept(answer.headers.items()), b""))
            async for piece in answer.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await answer.aclose()
        await send({"type": "http.response.body", "body": b""})

    async def _make(self, mistake: Mistake, call: Call, send: Send) -> None:
        asked = mistake.ask(call)
        asked.headers.pop("content-length", None)  # of what was sent; the client counts anew
        answer = await self._http.request(
            asked.method, asked.path, headers=asked.headers, content=asked.body
        )
        headers = _kept(answer.headers.items())
        headers.pop("content-length", None)
        told = mistake.tell(call, Told(answer.status_code, headers, answer.content))
        if not told.streams:
            told = replace(told, headers={**told.headers, "content-length": str(len(told.body))})
        await _start(send, told)
        await send({"type": "http.response.body", "body": told.body})


async def _call(scope: Scope, receive: Receive) -> Call:
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    path, query = scope["raw_path"].decode(), scope["query_string"].decode()
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Call(scope["method"], f"{path}?{query}" if query else path, _kept(headers.items()), body)


def _kept(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name not in ITS_OWN}


async def _start(send: Send, told: Told) -> None:
    headers = [(name.encode(), value.encode()) for name, value in told.headers.items()]
    await send({"type": "http.response.start", "status": told.status, "headers": headers})


async def _while_wanted(work: Coroutine[object, object, None], receive: Receive) -> None:
    """Stop as soon as the client has left."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    working.cancel()
    await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
