"""A websocket without a network: frames go in, events come out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Message

from api.request_ids import RequestIds
from inference.gateway.application import application
from tests.inference.asgi import Tenant
from tests.patience import PATIENCE

stack = RequestIds(application)
LAST = {"response.completed", "response.incomplete", "response.failed", "error"}
Frame = dict[str, Any]


class Socket:
    """`send` a frame, `hear` the next one; `said` are all that came."""

    def __init__(
        self, api_key: str, *, extensions: bool = False, path: str = "/v1/responses"
    ) -> None:
        self.messages: list[Message] = []
        self.held = asyncio.Event()
        self.held.set()  # cleared: the client does not read
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {api_key}".encode()), (b"host", b"testserver")],
            "client": ["127.0.0.1", 1],
            "server": ["testserver", 80],
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}} if extensions else {},
        }
        self.task = asyncio.create_task(stack(scope, self._inbox.get, self._send))

    async def _send(self, message: Message) -> None:
        await self.held.wait()
        self.messages.append(message)
        self._outbox.put_nowait(message)
        if message["type"] == "websocket.close":
            self.leave(message["code"])

    def leave(self, code: int = 1005) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": code})

    def send(self, frame: object) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    def create(self, words: Any = "one two", **fields: Any) -> None:
        self.send({"type": "response.create", "model": "scripted", "input": words, **fields})

    async def message(self) -> Message:
        async with asyncio.timeout(PATIENCE):
            return await self._outbox.get()

    async def hear(self) -> Frame:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        frame: Frame = json.loads(message["text"])
        return frame

    async def answer(self) -> list[Frame]:
        """Frames up to the end of a response."""
        frames = [await self.hear()]
        while frames[-1]["type"] not in LAST:
            frames.append(await self.hear())
        return frames

    async def turn(self, words: Any = "one two", **fields: Any) -> Frame:
        """The last frame of one response."""
        self.create(words, **fields)
        return (await self.answer())[-1]

    async def closed(self) -> int:
        """The code that the server ended with."""
        while (message := await self.message())["type"] != "websocket.close":
            pass
        return int(message["code"])


@asynccontextmanager
async def connected(tenant: Tenant, **options: Any) -> AsyncIterator[Socket]:
    socket = Socket(tenant.api_key, **options)
    assert (await socket.message())["type"] == "websocket.accept"
    yield socket
    socket.leave()
    async with asyncio.timeout(PATIENCE):
        await socket.task
