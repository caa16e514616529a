"""Server-sent events as OpenAI's clients read them: `data: <json>` and one blank line."""

import json
from typing import Final

from api.errors import ApiError

CONTENT_TYPE: Final = "text/event-stream"
DONE: Final = b"data: [DONE]\n\n"

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def event(value: object) -> bytes:
    return f"data: {_encode(value)}\n\n".encode()


def error_event(error: ApiError) -> bytes:
    """What ends a stream that cannot go on: SDKs raise it, because of its `error` key."""
    return event(error.body())
