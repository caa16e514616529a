"""What both web servers bear of a call before the application answers it, and their last words."""

import json
from http import HTTPStatus
from typing import Final

from api.errors import ApiError, InvalidRequest, RequestTimeout

PATIENCE_SECONDS: Final = 60.0
"""For a head, from the connection's opening or its first byte to its end; then for each next piece
of a body."""
MOST_HEAD: Final = 64 * 1024  # bytes


def too_slow(seconds: float) -> ApiError:
    return RequestTimeout(f"The rest of this request did not come within {seconds:g} s. Try again.")


def head_too_large() -> ApiError:
    return InvalidRequest(f"The headers of a request have up to {MOST_HEAD:,} bytes.")


def last_words(error: ApiError) -> bytes:
    """A whole answer for a connection on which there is no call to answer, and that closes now."""
    body = json.dumps(error.body()).encode()
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
