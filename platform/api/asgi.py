"""Answers in plain ASGI, before any framework sees the call: JSON, and our error envelope."""

import json
from collections.abc import Mapping

from starlette.types import Send

from api.errors import ApiError


async def answer(
    send: Send, body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answer an HTTP call that has not been answered yet."""
    raw = json.dumps(body).encode()
    all_headers = {
        "content-type": "application/json",
        "content-length": str(len(raw)),
        "cache-control": "no-store",
        **(headers or {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": raw})


async def refuse(send: Send, error: ApiError) -> None:
    """The same for an error."""
    await answer(send, error.body(), error.status, error.headers())
