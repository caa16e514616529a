"""One answer while it is made: its Run, its events, its row every second and in the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

from api.errors import DatabaseUnavailable
from chatbots import citing
from chatbots.conversing import answers
from chatbots.conversing.claims import Claim
from inference import runs
from inference.event_log import Event
from inference.responses.body import finished
from inference.responses.narration import Narrator
from inference.responses.prompting import in_our_words
from inference.responses.recording import Recording
from inference.runs import Order, Run
from knowledge.search import Passage

LOOK_SECONDS: Final = 1.0
ALONE_SECONDS: Final = 60.0
_making: dict[str, "Answer"] = {}


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before it is made. `passages` are those that its prompt holds."""

    claim: Claim
    body: dict[str, Any]
    passages: Sequence[Passage]
    shows_cost: bool
    stop_when_alone: bool


class Answer:
    """It goes on until it is done, cancelled, or (if its chatbot wants that) alone."""

    def __init__(self, draft: Draft, order: Order) -> None:
        self.draft = draft
        self._organisation_id = order.caller.organisation_id
        annotate = partial(citing.annotations, draft.passages)
        self._narrator = Narrator(draft.body, annotate=annotate)
        self._began = time.monotonic()
        self._first_token_ms: int | None = None
        self._final: dict[str, Any] | None = None
        self._listeners = 0
        self._heard = self._began
        self.run = runs.start(order, _never_asked, self._record)
        self._reader = self.run.events()
        _making[draft.claim.response_id] = self
        self.run.task.add_done_callback(lambda _: _making.pop(draft.claim.response_id, None))
        self._recording = Recording(
            self._organisation_id, draft.claim.response_id, self._narration()
        )
        watch = asyncio.create_task(self._watch())
        self.run.task.add_done_callback(lambda _: watch.cancel())

    async def opened(self) -> None:
        """Until the money is held and the first event told. Raises why there will be none."""
        await self._recording.opened()

    async def cancel(self) -> None:
        self.run.stop()
        await asyncio.wait([self.run.task])

    def so_far(self) -> tuple[dict[str, Any], int]:
        items, number = self._narrator.so_far()
        return {**self.draft.body, "output": items}, number

    @contextmanager
    def listened_to(self) -> Iterator[None]:
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
            self._heard = time.monotonic()

    async def _narration(self) -> AsyncIterator[Sequence[Event]]:
        await self.run.begun()
        if self.run.hold is None:
            await asyncio.wait([self.run.task])
            if self.run.failure:
                raise in_our_words(self.run.failure)
        self._narrator.begin()
        yield self._narrator.flush()
        async for deltas in self._reader:
            if self._first_token_ms is None:
                self._first_token_ms = self._milliseconds()
            self._narrator.take(deltas)
            yield self._narrator.flush()
        self._narrator.close(self._answer())
        yield self._narrator.flush()

    async def _record(self, run: Run) -> None:
        """Its row as it stays. What was refused before it began is forgotten by who asked."""
        if run.hold is None:
            return
        answer = self._answer()
        await answers.finish(
            answers.Finished(
                organisation_id=self._organisation_id,
                message_id=self.draft.claim.message_id,
                conversation_id=self.draft.claim.conversation_id,
                body=answer,
                model=run.order.entry.id,
                usage=run.usage,
                cost_nano=run.cost,
                finish_reason=self._finish_reason(),
                error_code=(run.failure and run.failure.error_code) or "",
                first_token_ms=self._first_token_ms,
                total_ms=self._milliseconds(),
                # The last event is not told yet.
                events=self._narrator.so_far()[1] + 1 + (2 if run.failure else 1),
            )
        )

    def _answer(self) -> dict[str, Any]:
        """The response object at the end; made once, whoever asks first."""
        if self._final is None:
            self._narrator.take(self._reader.ready())
            status = self._status()
            self._narrator.finish(status)
            body = self.draft.body
            if self.draft.shows_cost:
                response_id = self.draft.claim.response_id
                costs = answers.costs(self.run.cost, response_id, self._first_token_ms)
                body = {**body, "metadata": {**body["metadata"], **costs}}
            self._final = finished(body, status, self._narrator.items, self.run)
            if not self.draft.shows_cost:
                del self._final["usage"]["cost"]
        return self._final

    def _status(self) -> str:
        if self.run.failure:
            return "failed"
        reason = self._narrator.finish_reason
        if reason is None:
            return "cancelled"
        return "incomplete" if reason == "length" else "completed"

    def _finish_reason(self) -> str:
        if self.run.failure:
            return "error"
        return self._narrator.finish_reason or "cancelled"

    def _milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    async def _watch(self) -> None:
        """Every second: what there is stands in the row; was it cancelled, does anybody listen?"""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            items, number = self._narrator.so_far()
            with suppress(DatabaseUnavailable):
                text = answers.text_of(items)
                told = await answers.touch(self.draft.claim.message_id, text, number + 1)
                if told.heard:
                    self._heard = time.monotonic()
                if told.cancelled:
                    self.run.stop()
            if self._is_alone():
                self.run.stop()

    def _is_alone(self) -> bool:
        return (
            self.draft.stop_when_alone
            and not self._listeners
            and time.monotonic() - self._heard > ALONE_SECONDS
        )


def making(response_id: str) -> Answer | None:
    """The answer, if this event loop makes it."""
    answer = _making.get(response_id)
    here = answer is not None and answer.run.task.get_loop() is asyncio.get_running_loop()
    return answer if here else None


def _never_asked(run: Run) -> NoReturn:
    """Only calls with an Idempotency-Key keep answers; here the event's row does."""
    raise NotImplementedError(run.order.id)
