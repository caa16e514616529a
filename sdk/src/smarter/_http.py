"""HTTP clients with this library's defaults, made of plain httpx objects.

The transport has an HTTP library of its own, but also takes a client of plain httpx. So whoever has
an `httpx.HTTPTransport` or `httpx.Limits` at hand can use it as it is.
"""

from typing import Any

import httpx
from openai import DEFAULT_CONNECTION_LIMITS, DEFAULT_TIMEOUT


def _with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    limits = DEFAULT_CONNECTION_LIMITS
    options.setdefault("timeout", httpx.Timeout(**DEFAULT_TIMEOUT.as_dict()))
    options.setdefault(
        "limits",
        httpx.Limits(
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
        ),
    )
    options.setdefault("follow_redirects", True)
    return options


class DefaultHttpxClient(httpx.Client):
    """`httpx.Client` with this library's timeout, connection limits and redirects."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**_with_defaults(options))


class DefaultAsyncHttpxClient(httpx.AsyncClient):
    """`httpx.AsyncClient` with this library's timeout, connection limits and redirects."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**_with_defaults(options))
