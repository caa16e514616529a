"""POST /responses/compact: users' messages as they are, and one item that stands for the rest.

What the rest was, the model itself tells in a Run that is charged like any other.
"""

import asyncio
import time
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from accounts.idempotency import StoredAnswer
from api import asgi, request_ids
from inference import runs
from inference.catalog import CatalogEntry
from inference.engines.base import GenerationRequest, Message, SamplingParams
from inference.gateway import answers
from inference.gateway.admission import Admitted, admit, model_for
from inference.gateway.contexts import schemas
from inference.gateway.endpoint import Border, close_when_gone
from inference.gateway.wire import to_json
from inference.responses import context_of
from inference.responses.beginning import CAPABILITY
from inference.responses.body import usage
from inference.responses.compacted import expanded, sealed
from inference.responses.generation import fitting
from inference.responses.prompting import in_our_words, messages_of
from inference.runs import Order, Run
from inference.schemas.responses import ResponseRequest
from inference.schemas.responses.items import Item, new_item_id

SUMMARY_TOKENS: Final = 1024  # at most, and at most a quarter of the context window
ASK: Final = (
    "Summarise what you and your tools have said, found out and decided in this conversation, so "
    "that it can go on without those messages. Keep names, numbers, decisions and open questions. "
    "Answer with the summary alone."
)


class Compact(Border):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await admit(scope, receive)
        asked = schemas.read(admitted.raw, schemas.CompactRequest)
        compaction = await _begin(asked, admitted)
        reader = compaction.run.events()
        request_ids.on_abandon(reader.close)
        watch = asyncio.create_task(close_when_gone(receive, reader))
        try:
            await reader.finish()
        finally:
            watch.cancel()
        if not reader.closed:
            await compaction.send(send)


class Compaction:
    """One summary on its way, and the answer that it becomes."""

    def __init__(self, order: Order, users: list[Item]) -> None:
        self._users = users
        self._organisation_id = order.caller.organisation_id
        self._answer: dict[str, Any] | None = None
        self._id = order.id.replace("gen_", "resp_", 1)
        self.run = runs.start(order, self._keep)

    async def send(self, send: Send) -> None:
        """Raises the Run's failure."""
        if self.run.replayed:
            await answers.send_stored(send, self.run.replayed)
        elif self.run.failure:
            raise in_our_words(self.run.failure)
        else:
            await asgi.answer(send, self._body(self.run), 200, answers.headers(self.run))

    def _keep(self, run: Run) -> StoredAnswer:
        """What a retry with the same Idempotency-Key gets."""
        if run.failure:
            failure = in_our_words(run.failure)
            final = {"x-should-retry": "false"}
            body = to_json(failure.body()).encode()
            return StoredAnswer(failure.status, {**answers.headers(run), **final}, body)
        return StoredAnswer(200, answers.headers(run), to_json(self._body(run)).encode())

    def _body(self, run: Run) -> dict[str, Any]:
        if self._answer is None:
            summary = run.choices()[0].text.strip()
            self._answer = {
                "id": self._id,
                "object": "response.compaction",
                "created_at": int(time.time()),
                "output": [*self._users, _compacted(summary, self._organisation_id)],
                "usage": usage(run),
            }
        return self._answer


async def _begin(asked: ResponseRequest, admitted: Admitted) -> Compaction:
    """Raises ApiError: an unknown model or previous response, an item of somebody else, …"""
    organisation_id = admitted.caller.organisation_id
    entry = await model_for(asked.model, admitted.caller, CAPABILITY)
    generation_id = request_ids.current().replace("req_", "gen_", 1)
    response_id = generation_id.replace("gen_", "resp_", 1)
    context = await context_of(asked, organisation_id, response_id)
    said = messages_of(asked.instructions, expanded(context.items, organisation_id))
    room = min(SUMMARY_TOKENS, entry.context_window // 4)
    order = Order(
        id=generation_id,
        caller=admitted.caller,
        request=admitted.request,
        entry=entry,
        generations=[await _summary(said, entry, generation_id, organisation_id, room)],
        output_limit=room,
        idempotency=admitted.retry_key,
    )
    users = [item for item in context.items if item.get("role") == "user"]
    return Compaction(order, users)


async def _summary(
    said: tuple[Message, ...], entry: CatalogEntry, id_: str, tenant: str, room: int
) -> GenerationRequest:
    """Of a conversation that leaves no room for its summary the oldest messages are left out."""
    request = GenerationRequest(
        id=id_,
        model=entry.id,
        sampling=SamplingParams(temperature=0.0),
        messages=(*said, Message("user", ASK)),
        tenant=tenant,
    )
    return await fitting(request, entry, room)


def _compacted(summary: str, organisation_id: str) -> Item:
    """The summary becomes a message of the assistant, which is who had said all that."""
    part = {"type": "output_text", "text": summary, "annotations": []}
    message = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": new_item_id("compaction"),
        "type": "compaction",
        "encrypted_content": sealed([message] if summary else [], organisation_id),
    }
