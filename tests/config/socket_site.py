"""Websockets under the real servers: `python socket_site.py daphne|uvicorn PORT`.

A socket is sent 1,000 frames of 64 KB, as fast as the client reads, then the size of what it said;
HTTP answers how many frames were sent so far.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from starlette.types import Message, Receive, Scope, Send  # noqa: E402 - Django comes first

from api.body_limits import Limits  # noqa: E402 - as above
from config.draining import Drain  # noqa: E402 - as above

FRAME = "x" * 65_536
sent = 0


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    global sent  # noqa: PLW0603 - the whole site is one counter
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(sent).encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/flood":
        for _ in range(1000):
            await send({"type": "websocket.send", "text": FRAME})
            sent += 1
    elif scope["path"] == "/slow":
        async for _ in taken(receive):
            await asyncio.sleep(1)
        return
    else:
        said = await receive()
        if said["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": str(len(said.get("text", "")))})
    await send({"type": "websocket.close", "code": 1012})


async def taken(receive: Receive) -> AsyncIterator[Message]:
    while (message := await receive())["type"] != "websocket.disconnect":
        yield message


def main(kind: str, port: int) -> None:
    drain = Drain(1)
    if kind == "daphne":
        from config.daphne_server import DaphneServer  # noqa: PLC0415 - installs an event loop

        limits, incoming = Limits(usual=100_000), Path(tempfile.gettempdir())
        DaphneServer(site, "127.0.0.1", port, drain=drain, limits=limits, incoming=incoming).run()
    else:
        from config.uvicorn_server import UvicornServer  # noqa: PLC0415 - one of the two

        UvicornServer(site, "127.0.0.1", port, drain=drain).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
