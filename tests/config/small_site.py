"""A site of a few lines under the real servers: `python small_site.py daphne|uvicorn PORT`.

A third word is its patience in seconds. It answers with the length of the body that it was sent, or
with a stream of numbers; on a websocket with thirty numbers.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from starlette.types import Receive, Scope, Send  # noqa: E402 - Django comes first

from api.body_limits import BodyLimits, Limits  # noqa: E402 - as above
from config.draining import Drain  # noqa: E402 - as above
from config.patience import PATIENCE_SECONDS  # noqa: E402 - as above

LIMITS = Limits(usual=100_000, file=100_000_000, may_be_large=lambda _headers: True)


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await count(receive, send)
        return
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/large":
        await send({"type": "http.response.body", "body": b"x" * 8_000_000})
        return
    for number in range(int(scope["query_string"] or 0)):
        await send({"type": "http.response.body", "body": b"%d " % number, "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": str(length).encode()})


async def count(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    for number in range(30):
        await send({"type": "websocket.send", "text": str(number)})
        await asyncio.sleep(0.1)
    await send({"type": "websocket.close", "code": 1000})


def main(kind: str, port: int, patience: float = PATIENCE_SECONDS) -> None:
    drain = Drain(30)
    application = BodyLimits(site, LIMITS)
    server: Any
    if kind == "daphne":
        from config.daphne_server import DaphneServer  # noqa: PLC0415 - installs an event loop

        incoming = Path(tempfile.gettempdir())
        server = DaphneServer(
            application, "127.0.0.1", port, drain=drain, limits=LIMITS, incoming=incoming
        )
    else:
        from config.uvicorn_server import UvicornServer  # noqa: PLC0415 - one of the two

        server = UvicornServer(application, "127.0.0.1", port, drain=drain)
    server.patience = patience
    server.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:]))
