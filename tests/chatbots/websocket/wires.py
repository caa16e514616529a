"""A chat websocket without a network: frames go in, checked frames come out."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Message

from api.request_ids import RequestIds
from chatbots import routing
from tests.chatbots.websocket.bots import ORIGIN, Bot
from tests.chatbots.websocket.frames import Frame, validator
from tests.patience import PATIENCE

stack: Any = RequestIds(routing.application)  # type: ignore[arg-type]  # Channels' types of messages


class Wire:
    """`send` a frame, `hear` the next one; every frame that comes is in the published schema."""

    def __init__(
        self,
        name: str = "support",
        *,
        origin: str | None = ORIGIN,
        subprotocols: tuple[str, ...] = ("chat.v1",),
        path: str | None = None,
        address: str = "127.0.0.1",
        host: str = "chat.example",
    ) -> None:
        self.reads = asyncio.Event()  # cleared: the client does not read
        self.reads.set()
        self.code: int | None = None
        self.subprotocol: str | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        headers = {"host": host, **({"origin": origin} if origin is not None else {})}
        scope = {
            "type": "websocket",
            "scheme": "wss",
            "path": path or f"/ws/chatbots/{name}/",
            "raw_path": b"",
            "root_path": "",
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "client": [address, 1],
            "server": ["testserver", 80],
            "subprotocols": list(subprotocols),
        }
        self.task = asyncio.create_task(stack(scope, self._inbox.get, self._send))

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "websocket.close":
            self.code = message["code"]
        self._outbox.put_nowait(message)

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def send(self, frame: object) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    def send_bytes(self, raw: bytes) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "bytes": raw})

    def ask(self, words: str, event_id: str = "e1", **fields: Any) -> None:
        self.send({"type": "response.create", "event_id": event_id, "input": words, **fields})

    async def message(self, seconds: float = PATIENCE) -> Message:
        async with asyncio.timeout(seconds):
            return await self._outbox.get()

    async def hear(self, kind: str | None = None, seconds: float = PATIENCE) -> Frame:
        """The next frame, or the next of this `type`; heartbeats in between lengthen nothing."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.message(seconds)
                assert message["type"] == "websocket.send", message
                frame: Frame = json.loads(message["text"])
                validator("ServerFrame").validate(frame)
                if kind in {None, frame["type"]}:
                    return frame

    async def hear_until(self, last: Callable[[Frame], bool]) -> list[Frame]:
        frames = [await self.hear()]
        while not last(frames[-1]):
            frames.append(await self.hear())
        return frames

    async def silent(self, seconds: float = 0.3) -> bool:
        """Does nothing come for so long?"""
        try:
            message = await self.message(seconds)
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def closed(self, seconds: float = PATIENCE) -> int:
        """The code that the server ended with; its task has ended, too."""
        async with asyncio.timeout(seconds):
            while (await self._outbox.get())["type"] != "websocket.close":
                pass
            await self.task
        assert self.code is not None
        return self.code

    async def refused(self, seconds: float = PATIENCE) -> tuple[Frame, int]:
        """The error and the code of the end."""
        return (await self.hear("error", seconds))["error"], await self.closed(seconds)


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Wire]:
    wire = Wire(**options)
    first = await wire.message()
    assert first["type"] == "websocket.accept", first
    wire.subprotocol = first["subprotocol"]
    try:
        yield wire
    finally:
        wire.leave()
        async with asyncio.timeout(PATIENCE):
            await wire.task


@asynccontextmanager
async def opened(bot: Bot, *, key: str | None = None, **options: Any) -> AsyncIterator[Wire]:
    """With a session; `wire.session` is what it was told."""
    wanted = {"origin", "subprotocols", "path", "address", "host"}
    about_wire = {name: value for name, value in options.items() if name in wanted}
    session = {name: value for name, value in options.items() if name not in wanted}
    async with connected(name=bot.name, **about_wire) as wire:
        wire.send({"type": "session.update", "session": {"key": key or bot.key, **session}})
        yield wire


async def session_of(wire: Wire) -> dict[str, Any]:
    session: dict[str, Any] = (await wire.hear("session.created"))["session"]
    return session
