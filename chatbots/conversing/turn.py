"""One answer of a chatbot, running or done, for whoever reads it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from typing import Any, Final

from chatbots.conversing import answering, answers
from chatbots.conversing.answers import Row
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live
from inference.event_log import Event, EventsGone, event_log, key_of, watched
from inference.responses.narration import is_last

LOOK_SECONDS: Final = 0.5  # between looks at an answer that another process makes


class Turn:
    """`events` can be read by any number of readers, from any number on; leaving ends nothing."""

    def __init__(
        self, live: Live, speaker: Speaker, conversation_id: str, response_id: str, message_id: str
    ) -> None:
        self.conversation_id = conversation_id
        self.response_id = response_id
        self.message_id = message_id
        self._live = live
        self._speaker = speaker
        self._heard = -math.inf

    async def events(self, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        """Events with a number above `after`, then live ones, until the last.

        Raises event_log.EventsGone where the log has forgotten: then `snapshot`.
        """
        answer = answering.making(self.response_id)
        log = event_log().read(key_of(self._live.organisation_id, self.response_id), after)
        with answer.listened_to() if answer else nullcontext():
            async for events in log if answer else watched(log, self._is_over):
                yield events
                if is_last(events[-1]):
                    return
        raise EventsGone(self.response_id)

    async def cancel(self) -> None:
        """End at the next step; what was generated is charged, and is the answer."""
        if answer := answering.making(self.response_id):
            await answer.cancel()
        else:
            await answers.cancel(self.message_id)

    async def finished(self) -> dict[str, Any]:
        """Wait for the end: the response object as it stays, also of one that has failed."""
        if answer := answering.making(self.response_id):
            await asyncio.wait([answer.run.task])
        while (row := await self._row()).status == "in_progress":  # noqa: ASYNC110 - as said below
            await asyncio.sleep(LOOK_SECONDS)  # its end is another process's: it is looked for
        return self._told(row)

    async def snapshot(self) -> tuple[dict[str, Any], int]:
        """The response so far, and the number of the last event that it includes."""
        if answer := answering.making(self.response_id):
            return answer.so_far()
        await self._listen()
        row = await self._row()
        return self._told(row), row.events - 1

    async def _is_over(self, silent: bool) -> bool:
        """Of another process's answer, which may have died without a last word."""
        await self._listen()
        return silent and (await self._row()).status != "in_progress"

    async def _listen(self) -> None:
        """The process that makes it must know that it is not alone."""
        now = time.monotonic()
        if self._live.configuration.stop_when_alone and now - self._heard > answers.HEARD_SECONDS:
            self._heard = now
            await answers.hear(self.message_id)

    async def _row(self) -> Row:
        row = await answers.find(
            self._live.organisation_id,
            self._live.chatbot_id,
            self._speaker.visitor_id,
            self.response_id,
        )
        if row is None:
            raise EventsGone(self.response_id)  # deleted, or forgotten since it was refused
        return row

    def _told(self, row: Row) -> dict[str, Any]:
        """A response that has lost its process has no object: it is told from its row."""
        if row.body is not None:
            return row.body
        status = row.status if row.status != "incomplete" else "failed"
        return told(self.response_id, self.message_id, row, status)


def told(response_id: str, message_id: str, row: Row, status: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": row.text, "annotations": [], "logprobs": []}
    item = {
        "id": message_id,
        "type": "message",
        "status": "incomplete",
        "role": "assistant",
        "content": [part],
    }
    error = {"code": "server_error", "message": "The server stopped while it answered. Ask again."}
    return {
        "id": response_id,
        "object": "response",
        "created_at": row.created,
        "completed_at": None,
        "status": status,
        "error": error if status == "failed" else None,
        "incomplete_details": None,
        "model": row.model,
        "output": [item] if row.text else [],
        "usage": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
