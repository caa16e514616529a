"""Refusing a call before any framework sees it: our error envelope in plain ASGI."""

import json

from starlette.types import Send

from api.errors import ApiError


async def refuse(send: Send, error: ApiError) -> None:
    """Answer an HTTP call that has not been answered yet."""
    body = json.dumps(error.body()).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **error.headers(),
    }
    await send(
        {
            "type": "http.response.start",
            "status": error.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
