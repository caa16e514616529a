"""One response while it is made: its Run, its events, its row in the end."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from accounts.idempotency import StoredAnswer
from api import database
from api.errors import ApiError, DatabaseUnavailable, NotFound
from inference import conversations, runs
from inference.event_log import Event
from inference.gateway.answers import headers
from inference.responses import rows
from inference.responses.body import finished
from inference.responses.context import Context
from inference.responses.narration import Narrator
from inference.responses.output import Annotate, to_json
from inference.responses.prompting import in_our_words
from inference.responses.recording import Recording
from inference.runs import Order, Run
from inference.schemas.responses import ResponseRequest
from inference.schemas.responses.items import Item

OK: Final = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a response before it runs: how it was asked, its items, its object."""

    asked: ResponseRequest
    context: Context
    body: Item
    annotate: Annotate | None = None


class ResponseRun:
    """Read `events()` or wait until it is `finished()`.

    What others may read, too (stored and streamed, or in the background), goes to the event log
    and on without readers. Any other is told to its one reader, whose `leave()` ends it if nobody
    can ever ask for it again.
    """

    def __init__(self, draft: Draft, order: Order) -> None:
        asked = draft.asked
        self.id: str = draft.body["id"]
        self.body = draft.body  # before there is an answer
        self.items = draft.context.items  # what it goes on from, and what it is asked with
        self._draft = draft
        self._organisation_id = order.caller.organisation_id
        self._narrator = Narrator(draft.body, asked.custom_tools, draft.annotate)
        self._final: Item | None = None
        self.run = runs.start(order, self._keep, self._record if asked.stored else None)
        self._reader = self.run.events()
        self._recording: Recording | None = None
        self._queued = asyncio.Event()  # its row is there, or will not be
        if asked.background or (asked.stored and asked.stream):
            self._recording = Recording(self._organisation_id, self.id, self._narration())
        if self._recording and asked.background:
            self._recording.allow_cancelling(self.run)

    async def opened(self) -> None:
        """Wait for the first event of what is recorded. Raises why there will be none."""
        if self._recording:
            await self._recording.opened()

    async def events(self) -> AsyncIterator[Sequence[Event]]:
        """What is ready together, together. Raises ApiError where it failed before the first,
        EventsGone where this reader is too far behind."""
        source = self._recording.events() if self._recording else self._narration()
        async for events in source:
            yield events

    async def finished(self) -> Item | None:
        """The response object at the end (which has failed, if that was in the background), None
        once the reader has left. Raises the failure of any other.
        """
        await self._reader.finish()
        if self._reader.closed:
            return None
        if self.run.replayed:
            return _read(self.run.replayed)
        if self.run.failure and not self._draft.asked.background:
            raise in_our_words(self.run.failure)
        return self._answer()

    @property
    def left(self) -> bool:
        return self._reader.closed

    def leave(self) -> None:
        """The client has gone."""
        if not self._recording:
            self._reader.close()

    def cancel(self) -> None:
        """End at the next step; what was generated is charged, and is the answer."""
        self.run.stop()

    async def _narration(self) -> AsyncIterator[Sequence[Event]]:
        if self._draft.asked.background:
            await self._queue()
            yield self._narrator.flush()
        async for deltas in self._reader:
            begins = not self._narrator.answering
            self._narrator.take(deltas)  # at once: `_answer` must miss none of them
            if begins and self.body["background"]:
                with suppress(DatabaseUnavailable):  # the row is written in the end, too
                    await rows.begin(self._organisation_id, self.id)
            yield self._narrator.flush()
        if self._reader.closed:
            return
        if self.run.replayed:
            yield _again(self.run.replayed)
            return
        if self.run.failure and not self._narrator.begun:
            raise in_our_words(self.run.failure)
        self._narrator.close(self._answer())
        yield self._narrator.flush()

    async def _queue(self) -> None:
        """Its row is there from the moment that its money is held."""
        try:
            await self.run.begun()
            if self.run.hold is None:
                return
            await rows.insert(self._row(self.body))
        except ApiError:
            self.run.stop()
            raise
        finally:
            self._queued.set()
        self._narrator.begin()

    def _keep(self, run: Run) -> StoredAnswer:
        """What a retry with the same Idempotency-Key gets."""
        if run.failure:
            failure = in_our_words(run.failure)
            final = {"x-should-retry": "false"}  # the same again, however often it is asked for
            return StoredAnswer(
                failure.status, {**headers(run), **final}, to_json(failure.body()).encode()
            )
        return StoredAnswer(200, headers(run), to_json(self._answer()).encode())

    async def _record(self, run: Run) -> None:
        """The row, and what a conversation has grown by, or neither."""
        asked, final = self._draft.asked, self._answer()
        told = (asked.background and run.hold) or (asked.stream and self._narrator.begun)
        if run.failure and not told:
            return  # the client was refused, and knows of no response
        if asked.background:
            await self._queued.wait()
        row = self._row(final)
        try:
            await self._write(row)
        except NotFound:  # its conversation was deleted meanwhile
            await self._write(self._row(final, in_conversation=False))

    async def _write(self, row: rows.NewRow) -> None:
        async with database.connection() as connection, connection.transaction():
            new = await rows.record(row, connection, begun=row.body["background"])
            if new and row.conversation_id and row.body["status"] in {"completed", "incomplete"}:
                items = [*row.input, *row.body["output"]]
                await conversations.append(
                    row.organisation_id, row.conversation_id, items, connection
                )

    def _row(self, body: Item, *, in_conversation: bool = True) -> rows.NewRow:
        conversation = self._draft.asked.conversation
        conversation_id = conversation.id if conversation and in_conversation else None
        return rows.NewRow(self._organisation_id, conversation_id, self._draft.context.given, body)

    def _answer(self) -> Item:
        """The response object at the end; made once, whoever asks first."""
        if self._final is None:
            self._narrator.take(self._reader.ready())
            status = self._status()
            self._narrator.finish(status)
            self._final = finished(self.body, status, self._narrator.items, self.run)
        return self._final

    def _status(self) -> str:
        if self.run.failure:
            return "failed"
        reason = self._narrator.finish_reason
        if reason is None:
            return "cancelled"
        return "incomplete" if reason == "length" else "completed"


def _again(stored: StoredAnswer) -> Sequence[Event]:
    """None for a failure: a stream cannot have its status."""
    return Narrator(_read(stored)).retell() if stored.status == OK else ()


def _read(stored: StoredAnswer) -> Item:
    answer: Item = json.loads(stored.body)
    return answer
