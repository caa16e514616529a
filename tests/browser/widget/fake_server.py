"""A server of chat.v1 that does what a test tells it; each frame, either way, fits the schema."""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.browser.widget.fake_answer import Answer, Frame
from tests.patience import PATIENCE
from tests.running import ROOT, free_port, wait_until

SCHEMA = json.loads((ROOT / "docs" / "protocol.schema.json").read_text())
SCRIPT = ROOT / "widget" / "v1" / "chat.js"
CHATBOT: Frame = {
    "slug": "support-1",
    "name": "Fernhill support",
    "version": 1,
    "welcome": "Hello. I know our shipping, returns and repair pages.",
    "suggested_prompts": ["Where is my order?", "How do returns work?", "Do you repair tents?"],
    "theme": {},
    "strings": {},
    "disclosure": "You are chatting with an AI. Answers can be wrong.",
    "features": {},
}


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{name}"}]})


FROM_CLIENT, FROM_SERVER = _validator("ClientFrame"), _validator("ServerFrame")


class FakeServer:
    """`answers` writes the texts; `closes`, `errors` and `pace` (seconds a word) are the levers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.chatbot = dict(CHATBOT)
        self.answers: Callable[[str], str] = lambda question: f"You said: {question}"
        self.sources: list[Frame] = []
        self.metadata: Frame = {}
        self.pace = 0.0
        self.in_words = True
        self.hold_after: int | None = None  # words, then an answer waits until this is None again
        self.closes: int | None = None
        self.errors: list[Frame] = []
        self.fails: str | None = None  # the code with which the next answer ends
        self.limits: Frame = {"input_characters": 32_000, "rate_limits": []}
        self.expired: set[str] = set()
        self.told: list[Answer] = []
        self.received: list[Frame] = []
        self.connections = 0
        self.sockets: set[ServerConnection] = set()
        self.loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "FakeServer":
        self._run(self._listen())
        return self

    def stop(self) -> None:
        """As `kill -9` looks from outside: no closing frame, nobody at the port."""
        self._run(self._end())

    def close(self) -> None:
        self.stop()
        self.hold_after, self.pace = None, 0.0
        wait_until(lambda: not self._tasks, PATIENCE, "every answer is written")
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def say(self, frame: Frame) -> None:
        """Tell every client."""
        self._run(self._broadcast(frame))

    def close_all(self, code: int) -> None:
        async def close() -> None:
            for socket in list(self.sockets):
                await socket.close(code)

        self._run(close())

    def frames(self, kind: str) -> list[Frame]:
        return [frame for frame in self.received if frame["type"] == kind]

    # --- the wire

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _listen(self) -> None:
        self._server = await serve(
            self._talk, "127.0.0.1", self.port, subprotocols=["chat.v1"],  # type: ignore[list-item]  # a NewType of str
            process_request=_file,
        )  # fmt: skip

    async def _end(self) -> None:
        for socket in list(self.sockets):
            socket.transport.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.sockets.add(socket)
        try:
            async for text in socket:
                await self._take(socket, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.sockets.discard(socket)

    async def _send(self, socket: ServerConnection, frame: Frame) -> None:
        FROM_SERVER.validate(frame)
        try:
            await socket.send(json.dumps(frame))
        except ConnectionClosed:
            self.sockets.discard(socket)

    async def _broadcast(self, frame: Frame) -> None:
        for socket in list(self.sockets):
            await self._send(socket, frame)

    # --- the protocol

    async def _take(self, socket: ServerConnection, frame: Frame) -> None:
        FROM_CLIENT.validate(frame)
        self.received.append(frame)
        replies = {
            "session.update": self._session,
            "response.create": self._create,
            "response.cancel": self._cancel,
            "conversation.create": self._fresh,
            "conversation.items.list": self._earlier,
            "feedback.create": self._feedback,
            "ping": self._pong,
        }
        await replies[frame["type"]](socket, frame)

    async def _session(self, socket: ServerConnection, frame: Frame) -> None:
        asked = frame["session"]
        if self.closes or asked.get("visitor_token") in self.expired:
            await socket.close(self.closes or 4401)
            return
        items = [item for one in self.told for item in one.items()]
        active = next((one for one in self.told if one.status == "in_progress"), None)
        session = {
            "id": "sess_1", "visitor_token": "token-2" if self.expired else "token-1",
            "expires_at": 4_000_000_000, "chatbot": self.chatbot,
            "conversation": {
                "id": "chat_1" if self.told else None,
                "items": items[-30:], "has_more": len(items) > 30,
            },
            "limits": self.limits, "active_response": active.id if active else None,
        }  # fmt: skip
        await self._send(socket, {"type": "session.created", "session": session})
        resume = asked.get("resume")
        wanted = resume["response_id"] if resume else active and active.id
        after = resume["starting_after"] if resume else -1
        for one in self.told:
            if one.id == wanted:
                for event in one.events[after + 1 :]:
                    await self._send(socket, event)

    async def _create(self, socket: ServerConnection, frame: Frame) -> None:
        known = next((one for one in self.told if one.event_id == frame["event_id"]), None)
        if known:
            for event in known.events:
                await self._send(socket, event)
            return
        if self.errors:
            error = {"type": "error", "event_id": frame["event_id"], **self.errors.pop(0)}
            await self._send(socket, error)
            return
        answer = Answer(
            f"resp_{uuid.uuid4().hex}", frame["event_id"], frame["input"],
            self.answers(frame["input"]), self.sources,
        )  # fmt: skip
        self.told.append(answer)
        said = {"type": "conversation.item.added", "conversation": "chat_1"}
        for other in self.sockets - {socket}:
            item = next(answer.items())
            await self._send(other, {**said, "item": item, "response_id": answer.id})
        task = self.loop.create_task(self._write(answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, answer: Answer) -> None:
        """Goes on whoever listens: a socket is only a pipe."""
        await self._event(answer, "response.created", response=answer.response())
        place = {"item_id": answer.item_id, "output_index": 0, "content_index": 0}
        added = {"id": answer.item_id, "type": "message"}
        await self._event(answer, "response.output_item.added", item=added)
        words = answer.text.split(" ") if self.in_words else [answer.text]
        for at, word in enumerate(words):
            if answer.cancelled or (self.fails and at > len(words) // 2):
                break
            delta = word if at == 0 else f" {word}"
            await self._event(answer, "response.output_text.delta", delta=delta, **place)
            await asyncio.sleep(self.pace)
            while self.hold_after is not None and at + 1 >= self.hold_after:  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.02)
        ended = "incomplete" if answer.cancelled else "completed"
        answer.status = "failed" if self.fails else ended
        more: Frame = {"metadata": self.metadata}
        if self.fails:
            more |= {"error": {"code": self.fails, "message": "It broke."}}
            self.fails = None
        await self._event(answer, f"response.{answer.status}", response=answer.response(**more))

    async def _event(self, answer: Answer, kind: str, **fields: object) -> None:
        event = {"type": kind, "sequence_number": len(answer.events), **fields}
        answer.events.append(event)
        await self._broadcast(event)

    async def _cancel(self, _socket: ServerConnection, frame: Frame) -> None:
        for answer in self.told:
            answer.cancelled |= answer.id == frame["response_id"]

    async def _fresh(self, socket: ServerConnection, _frame: Frame) -> None:
        self.told.clear()
        conversation = {"conversation": {"id": "chat_2", "items": []}}
        await self._send(socket, {"type": "session.updated", "session": conversation})

    async def _earlier(self, socket: ServerConnection, frame: Frame) -> None:
        items = [item for one in self.told for item in one.items()]
        at = next(place for place, item in enumerate(items) if item["id"] == frame["before"])
        found = items[max(0, at - frame["limit"]) : at]
        more = at > frame["limit"]
        listed = {"type": "conversation.items.listed", "items": found, "has_more": more}
        await self._send(socket, listed)

    async def _feedback(self, socket: ServerConnection, frame: Frame) -> None:
        rated = {"item_id": frame["item_id"], "rating": frame["rating"]}
        await self._send(socket, {"type": "feedback.created", **rated})

    async def _pong(self, socket: ServerConnection, frame: Frame) -> None:
        await self._send(socket, {"type": "pong", "t": frame.get("t")})


def _file(_socket: ServerConnection, request: Request) -> Response | None:
    """The script lies at the same origin as the socket."""
    if request.path.startswith("/ws/"):
        return None
    found = request.path == "/widget/v1/chat.js"
    body = SCRIPT.read_bytes() if found else b""
    headers = Headers({"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"})
    headers["Content-Length"] = str(len(body))
    return Response(200 if found else 404, "OK" if found else "Not Found", headers, body)
