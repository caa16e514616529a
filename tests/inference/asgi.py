"""A client without a network: one ASGI call at a time, with every message that came back."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from api.body_limits import BodyLimits
from api.request_ids import RequestIds
from inference.gateway.application import application
from tests.patience import PATIENCE

stack = RequestIds(BodyLimits(application))


async def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for what other tasks will bring about."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the condition is any expression, nobody sets an event
            await asyncio.sleep(0.005)


@dataclass
class Call:
    """`await call.finished()`, or `call.leave()` in the middle, as a client does."""

    body: bytes
    headers: dict[str, str]
    path: str = "/v1/chat/completions"
    method: str = "POST"
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "http.request", "body": self.body, "more_body": False})
        self._came = asyncio.Event()
        self.task = asyncio.create_task(stack(self._scope(), self._inbox.get, self._send))

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.headers.items()],
            "client": ["127.0.0.1", 1],
            "server": ["testserver", 80],
        }

    async def _send(self, message: Message) -> None:
        self.messages.append(message)
        self._came.set()

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "http.disconnect"})

    async def came(self, messages: int) -> None:
        """Wait until so many messages have come back."""
        while len(self.messages) < messages:
            self._came.clear()
            await self._came.wait()

    async def finished(self) -> "Call":
        await self.task
        return self

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def answer_headers(self) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.messages[0]["headers"]}

    @property
    def pieces(self) -> list[bytes]:
        """The bodies as they were sent, one an ASGI message."""
        return [message["body"] for message in self.messages[1:]]

    @property
    def raw(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error

    @property
    def events(self) -> list[Any]:
        """The JSON events of a stream; asserts its framing and that it ended with [DONE]."""
        lines = self.raw.decode().split("\n\n")
        assert lines[-2:] == ["data: [DONE]", ""], lines[-2:]
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


@dataclass(frozen=True)
class Tenant:
    """An organisation with its key, and shortcuts for the calls that tests make."""

    organisation_id: str
    api_key: str

    def call(
        self,
        words: str = "Hello there",
        *,
        path: str = "/v1/chat/completions",
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> Call:
        if path.endswith("/chat/completions"):
            content: dict[str, Any] = {"messages": [{"role": "user", "content": words}]}
        else:
            content = {"prompt": words}
        body = json.dumps({"model": "scripted", **content, **fields}).encode()
        return self.send(body, path=path, headers=headers)

    def send(
        self,
        body: bytes,
        *,
        path: str = "/v1/chat/completions",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Call:
        bearer = {"authorization": f"Bearer {self.api_key}", "host": "testserver"}
        return Call(body, {**bearer, **(headers or {})}, path, method)

    async def ask(self, words: str = "Hello there", **fields: Any) -> Call:
        return await self.call(words, **fields).finished()
