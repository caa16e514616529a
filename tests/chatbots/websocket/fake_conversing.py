"""Conversations without a model: the test writes the answers, and sees what was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api import ids
from api.errors import ApiError, NotFound
from chatbots.conversing import Speaker
from chatbots.finding import Live
from inference.event_log import Event, EventsGone
from inference.event_log.memory import MemoryLog

PLACE: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}


class Answer:
    """A Turn whose words the test says."""

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.response_id = ids.new("resp")
        self.message_id = ids.new("msg")
        self.text = ""
        self.status = "in_progress"
        self.cancelled = 0
        self.readers = 0
        self.deleted = False
        self._number = 0
        self._log = MemoryLog()

    async def begin(self) -> None:
        await self._tell("created", response=self.body)

    async def say(self, text: str) -> None:
        self.text += text
        await self._tell("output_text.delta", **PLACE, delta=text)

    async def end(self, status: str = "completed") -> None:
        self.status = status
        await self._tell(status, last=True, response=self.body)

    async def forget(self) -> None:
        await self._log.forget("it")

    @property
    def body(self) -> dict[str, Any]:
        usage = {"total_tokens": 3} if self.status != "in_progress" else None
        output = [{"type": "message", "content": [{"type": "output_text", "text": self.text}]}]
        return {"id": self.response_id, "status": self.status, "output": output, "usage": usage}

    async def _tell(self, kind: str, *, last: bool = False, **members: Any) -> None:
        told = {"type": f"response.{kind}", "sequence_number": self._number, **members}
        data = json.dumps(told, separators=(",", ":"))
        await self._log.append("it", [Event(self._number, data)], last=last)
        self._number += 1

    async def events(self, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        self.readers += 1
        try:
            async for events in self._log.read("it", after):
                yield events
        except EventsGone:
            raise EventsGone from None
        finally:
            self.readers -= 1

    async def cancel(self) -> None:
        self.cancelled += 1
        if self.status == "in_progress":
            await self.end("incomplete")

    async def finished(self) -> dict[str, Any]:
        return self.body

    async def snapshot(self) -> tuple[dict[str, Any], int]:
        if self.deleted:
            raise EventsGone(self.response_id)
        return self.body, self._number - 1


@dataclass
class Book:
    """What stands for `chatbots.conversing`: who asked, what, in which conversation."""

    asked: list[tuple[Live, Speaker, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    sites: list[tuple[str, str, bool]] = field(default_factory=list)
    rated: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    refusal: ApiError | None = None
    waits: asyncio.Event | None = None  # unset: `begin` takes as long
    holders: dict[str, str] = field(default_factory=dict)  # conversation → who holds it
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _events: dict[tuple[str, str], Answer] = field(default_factory=dict)

    async def begin(
        self, live: Live, speaker: Speaker, *, input: str, conversation_id: str | None,  # noqa: A002 - the verb's own
        event_id: str | None, metadata: dict[str, str] | None, replaces: str | None,
    ) -> Answer:  # fmt: skip
        if self.waits:
            await self.waits.wait()
        if self.refusal:
            raise self.refusal
        conversation_id = conversation_id or await self.new_conversation(live, speaker)
        self._require(speaker, conversation_id)
        key = (conversation_id, event_id or "")
        if key not in self._events:
            self.asked.append((live, speaker, input))
            self.replaced += [replaces] if replaces else []
            self._events[key] = answer = Answer(conversation_id)
            self.answers.append(answer)
            item = {"id": ids.new("msg"), "role": "user", "status": "completed", "content": input}
            self.said[conversation_id].append({**item, "response_id": answer.response_id})
            await answer.begin()
        return self._events[key]

    async def find(self, live: Live, speaker: Speaker, response_id: str) -> Answer | None:
        for answer in self.answers:
            if answer.response_id == response_id:
                self._require(speaker, answer.conversation_id)
                return answer
        return None

    async def active(self, live: Live, speaker: Speaker, conversation_id: str) -> str | None:
        for answer in self.answers:
            if answer.conversation_id == conversation_id and answer.status == "in_progress":
                return answer.response_id
        return None

    async def items(
        self,
        live: Live,
        speaker: Speaker,
        conversation_id: str,
        before: str | None = None,
        limit: int = 30,
    ) -> list[dict[str, Any]]:
        self._require(speaker, conversation_id)
        found = self.said[conversation_id]
        places = [at for at, item in enumerate(found) if item["id"] == before]
        return found[: places[0] if places else None][-limit:]

    async def latest(self, live: Live, speaker: Speaker) -> str | None:
        mine = [chat for chat, holder in self.holders.items() if holder == speaker.holder]
        return mine[-1] if mine else None

    async def visitor_of(self, live: Live, external_id: str, claims: Mapping[str, str]) -> str:
        return f"vis_{external_id}"

    async def new_conversation(self, live: Live, speaker: Speaker) -> str:
        conversation_id = ids.new("chat")
        self.holders[conversation_id] = speaker.holder
        self.said[conversation_id] = []
        return conversation_id

    async def feedback(
        self, live: Live, speaker: Speaker, item_id: str, rating: str | None, comment: str | None
    ) -> None:
        self.rated.append((item_id, rating, comment))

    async def seen(self, live: Live, origin: str, client_version: str, refused: bool) -> None:
        self.sites.append((origin, client_version, refused))

    async def limits_of(self, live: Live, speaker: Speaker) -> list[dict[str, Any]]:
        return [{"name": "messages", "limit": 20, "remaining": 19, "reset_seconds": 1.5}]

    def _require(self, speaker: Speaker, conversation_id: str) -> None:
        if self.holders.get(conversation_id) != speaker.holder:
            raise NotFound("No such conversation.", code="conversation_not_found")
