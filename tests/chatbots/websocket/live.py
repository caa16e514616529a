"""A chatbot on the running product, and browsers' sockets to it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.chatbots.websocket.bots import ORIGIN
from tests.chatbots.websocket.frames import Frame, validator
from tests.patience import PATIENCE
from tests.running import Server

_MAKE = """
import json
from tests.chatbots.websocket import bots
print(json.dumps(vars(bots.made("{name}", "{organisation}", **{configuration}))))
"""
ENDS = {"response.completed", "response.incomplete", "response.failed"}


@dataclass(frozen=True)
class LiveBot:
    server: Server
    name: str
    id: str
    key: str
    organisation_id: str
    secret_key: str


def made(server: Server, organisation: str, **configuration: Any) -> LiveBot:
    """Of an organisation that is there already, with money; its name is the chatbot's, too."""
    name = organisation.lower().replace(" ", "-")
    code = _MAKE.format(name=name, organisation=organisation, configuration=configuration)
    told = json.loads(server.manage("shell", "--no-imports", "-c", code).splitlines()[-1])
    return LiveBot(server, **told)


@dataclass
class Browser:
    """One socket with a session, and what a widget keeps."""

    wire: ClientConnection
    session: dict[str, Any] = field(default_factory=dict)
    heard: list[Frame] = field(default_factory=list)

    def send(self, frame: Frame) -> None:
        self.wire.send(json.dumps(frame))

    def ask(self, words: str, event_id: str = "e1", **fields: Any) -> None:
        self.send({"type": "response.create", "event_id": event_id, "input": words, **fields})

    def hear(self, kind: str | None = None, seconds: float = PATIENCE) -> Frame:
        end = time.monotonic() + seconds
        while True:
            frame: Frame = json.loads(self.wire.recv(max(0.01, end - time.monotonic())))
            validator("ServerFrame").validate(frame)
            self.heard.append(frame)
            if kind in {None, frame["type"]}:
                return frame

    def answer(self, seconds: float = 30) -> Frame:
        """The last event of an answer."""
        while (frame := self.hear(seconds=seconds))["type"] not in ENDS:
            assert frame["type"] != "error", frame
        return frame

    def code(self, seconds: float = PATIENCE) -> int:
        """Wait for the end."""
        try:
            while True:
                self.hear(seconds=seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    @property
    def text(self) -> str:
        """What a widget shows: deltas appended, unless their number was seen; snapshots replace."""
        shown, last = "", -1
        for frame in self.heard:
            number = frame.get("sequence_number", -1)
            if frame["type"] == "response.snapshot":
                shown, last = text_of(frame["response"]), number
            elif number > last:
                shown, last = shown + frame.get("delta", ""), number
        return shown

    @property
    def last(self) -> int:
        numbers = [frame["sequence_number"] for frame in self.heard if "sequence_number" in frame]
        return max(numbers, default=-1)

    @property
    def kept(self) -> dict[str, Any]:
        """What a reload sends."""
        conversation = self.session["conversation"]["id"]
        for frame in self.heard:
            if frame["type"] == "session.updated":
                told = frame["session"].get("conversation", {})
                conversation = told.get("id", conversation)
        return {
            "visitor_token": self.session["visitor_token"],
            **({"conversation": conversation} if conversation else {}),
        }


def text_of(response: Frame) -> str:
    parts = [part for item in response["output"] for part in item.get("content", ())]
    return "".join(part["text"] for part in parts)


@contextmanager
def socket(bot: LiveBot, origin: str | None = ORIGIN, **options: Any) -> Iterator[Browser]:
    """Connected, without a session."""
    url = f"ws://127.0.0.1:{bot.server.port}/ws/chatbots/{bot.name}/"
    protocols = [Subprotocol("chat.v1")]
    headers = {"Origin": origin} if origin else {}
    with connect(
        url, subprotocols=protocols, additional_headers=headers, max_size=None, **options
    ) as wire:
        yield Browser(wire)


@contextmanager
def browser(bot: LiveBot, **session: Any) -> Iterator[Browser]:
    with socket(bot) as opened:
        opened.send({"type": "session.update", "session": {"key": bot.key, **session}})
        opened.session = opened.hear("session.created")["session"]
        yield opened
