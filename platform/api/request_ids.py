"""The outermost layer: one request id for every call, stamped on every answer, and a last word.

The id is at hand through `current()` wherever the call goes, in its tasks and threads too. Code
that knows a header which belongs on whatever answer follows (rate limits, on errors and streams
alike) registers it with `stamp`; code that must learn that the call ended, however it ended,
registers a synchronous callback with `on_abandon`.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANSWERS: Final = Counter("http_answers", "Answers by their status.", ["status"])
HeaderSource = Callable[[], Mapping[str, str]]
RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(slots=True)
class _Call:
    request_id: str
    started: float
    endings: ExitStack
    sources: list[HeaderSource] = field(default_factory=list)


_call: ContextVar[_Call | None] = ContextVar("call", default=None)


def current() -> str:
    """`req_` and 32 hex digits; empty outside of a request."""
    call = _call.get()
    return call.request_id if call else ""


def on_abandon(callback: Callable[[], None]) -> None:
    """Run `callback` when this call ends in any way: answered, failed, cancelled, never begun."""
    if call := _call.get():
        call.endings.callback(callback)


def stamp(source: HeaderSource) -> None:
    """Put what `source` returns, asked when the answer starts, on this call's answer."""
    if call := _call.get():
        call.sources.append(source)


def forget_stamps() -> None:
    """For whoever begins this call once more: what was registered so far is not told."""
    if call := _call.get():
        call.sources.clear()


class RequestIds:
    """Pure ASGI middleware for HTTP and websocket calls."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        with ExitStack() as endings:
            call = _Call(f"req_{secrets.token_hex(16)}", time.perf_counter(), endings)
            scope.setdefault("state", {})["request_id"] = call.request_id
            mark = _call.set(call)
            # On the stack's bottom, so that callbacks still know their request.
            endings.callback(_call.reset, mark)

            def stamped(message: Message) -> Awaitable[None]:  # no step of its own for every token
                if message["type"] == "http.response.start":
                    ANSWERS.labels(message["status"]).inc()
                    message = {**message, "headers": _headers(call, message.get("headers", ()))}
                return send(message)

            await self.app(scope, receive, stamped)


def _headers(call: _Call, given: RawHeaders) -> list[tuple[bytes, bytes]]:
    """What the application sent, and what it left out of ours."""
    headers = [(bytes(name).lower(), bytes(value)) for name, value in given]
    names = {name for name, _ in headers}
    stamps = _every_answer(call, dict(headers))
    for source in call.sources:
        stamps.update(source())
    headers += [
        (raw, value.encode("latin-1"))
        for name, value in stamps.items()
        if (raw := name.lower().encode()) not in names
    ]
    return headers


def _every_answer(call: _Call, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    milliseconds = round((time.perf_counter() - call.started) * 1000)
    stamps = {
        "x-request-id": call.request_id,
        "openai-version": "2020-10-01",
        "openai-processing-ms": str(milliseconds),
    }
    if headers.get(b"content-type", b"").startswith((b"application/json", b"text/event-stream")):
        stamps["cache-control"] = "no-store"
    return stamps
