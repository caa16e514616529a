"""A bare ASGI pass-through under uvicorn: `python -m bench.pass_through PORT PORT_OF_UPSTREAM`.

What a gateway in Python costs at least: it reads a call, sends the same bytes on over a kept
connection, and gives what comes back as it comes. It knows no keys, no JSON, no money.
"""

import sys
from typing import Any

import uvicorn

from inference.engines.remote.connections import Connections


class PassThrough:
    """An ASGI application."""

    def __init__(self, port: int) -> None:
        self.upstream = f"http://127.0.0.1:{port}"
        self.connections = Connections({})

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body")
        async with self.connections.ask(
            scope["method"], self.upstream + scope["path"], body
        ) as response:
            kind = response.headers.get("content-type", "text/plain").encode()
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status,
                    "headers": [(b"content-type", kind)],
                }
            )
            async for part in response.parts():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})


if __name__ == "__main__":
    uvicorn.run(
        PassThrough(int(sys.argv[2])),
        port=int(sys.argv[1]),
        loop="asyncio",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
