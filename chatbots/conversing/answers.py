"""The rows of answers: touched every second while they are made, and as they stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from accounts.webhooks.telling import tell
from api import database
from billing.ledger import Usage
from billing.pricing import usd
from chatbots import citing

HEARD_SECONDS: Final = 5.0
STATUS: Final = {"completed": "completed", "failed": "failed"}  # any other stays incomplete


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer at its end; `events` counts all that were told of it."""

    organisation_id: str
    message_id: str
    conversation_id: str
    body: dict[str, Any]
    model: str
    usage: Usage
    cost_nano: int
    finish_reason: str
    error_code: str
    first_token_ms: int | None
    total_ms: int
    events: int


@dataclass(frozen=True, slots=True)
class Row:
    """An answer as Postgres knows it; `body` is None until its end."""

    conversation_id: str
    message_id: str
    status: str
    text: str
    body: dict[str, Any] | None
    events: int
    model: str
    created: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other processes say of an answer that is made here."""

    cancelled: bool
    heard: bool


async def finish(done: Finished) -> None:
    """Once: a second call changes nothing."""
    items = done.body["output"]
    values = {
        "id": done.message_id,
        "organisation": done.organisation_id,
        "conversation": done.conversation_id,
        "status": STATUS.get(done.body["status"], "incomplete"),
        "text": text_of(items),
        "body": Jsonb(done.body),
        "model": done.model,
        "prompt": done.usage.prompt_tokens,
        "completion": done.usage.completion_tokens,
        "cost": done.cost_nano,
        "reason": done.finish_reason,
        "error": done.error_code,
        "first": done.first_token_ms,
        "total": done.total_ms,
        "events": done.events,
        "sources": Jsonb(citing.sources(annotations_of(items))),
    }
    async with database.connection() as connection, connection.transaction():
        if (await connection.execute(_FINISH, values)).rowcount:
            counted = await connection.execute(_COUNT, values)
            await _tell(connection, values, await counted.fetchone())


async def _tell(connection: database.Connection, values: dict[str, Any], conversation: Any) -> None:
    """The organisation's own servers, of what visitors were answered; a preview is nobody's."""
    if conversation is None or conversation[1]:
        return
    told = {
        "chatbot": conversation[0],
        "conversation": values["conversation"],
        "message": values["id"],
        "status": values["status"],
        "text": values["text"],
    }
    await tell(connection, values["organisation"], "chatbot.message", told)


async def touch(message_id: str, text: str, events: int) -> Elsewhere:
    """It is still being made, and so far it is this."""
    values = {"id": message_id, "text": text, "events": events, "lately": 2 * HEARD_SECONDS}
    async with database.connection() as connection:
        row = await (await connection.execute(_TOUCH, values)).fetchone()
    if row is None:  # a conversation that was deleted needs no answer
        return Elsewhere(cancelled=True, heard=False)
    return Elsewhere(cancelled=row[0], heard=bool(row[1]))


async def cancel(message_id: str) -> None:
    """Of another process, which looks once a second."""
    await _mark(_CANCEL, message_id)


async def hear(message_id: str) -> None:
    """Somebody reads here what another process makes. To be said every HEARD_SECONDS."""
    await _mark(_HEAR, message_id)


async def _mark(how: LiteralString, message_id: str) -> None:
    async with database.connection() as connection:
        await connection.execute(how, {"id": message_id})


async def find(
    organisation_id: str, chatbot_id: str, visitor_id: str | None, response_id: str
) -> Row | None:
    """The answer, if its conversation is this speaker's."""
    values = {
        "response": response_id,
        "organisation": organisation_id,
        "chatbot": chatbot_id,
        "visitor": visitor_id,
    }
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Row))
        await cursor.execute(_FIND, values)
        return await cursor.fetchone()


def costs(nano: int, response_id: str, first_token_ms: int | None) -> dict[str, str]:
    """What the makers of a chatbot see of each of their own turns; metadata are texts.

    A socket is one request for all its questions: this id finds the generation.
    """
    return {
        "cost": usd(nano),
        "request_id": response_id.replace("resp_", "req_", 1),
        "first_token_ms": str(first_token_ms or 0),
    }


def text_of(items: Sequence[dict[str, Any]]) -> str:
    parts = [part for item in items for part in item.get("content", ())]
    return "".join(part.get("text", "") for part in parts).replace("\0", "\ufffd")


def annotations_of(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    parts = [part for item in items for part in item.get("content", ())]
    return [annotation for part in parts for annotation in part.get("annotations", ())]


# An answer that was given up for lost, though its process lived, gets its end after all.
_FINISH: Final = """
    UPDATE chatbots_message
       SET status = %(status)s, text = %(text)s, body = %(body)s, model = %(model)s,
           prompt_tokens = %(prompt)s, completion_tokens = %(completion)s, cost_nano = %(cost)s,
           finish_reason = %(reason)s, error_code = %(error)s, first_token_ms = %(first)s,
           total_ms = %(total)s, events = %(events)s, sources = %(sources)s, touched_at = now()
     WHERE id = %(id)s AND organisation_id = %(organisation)s AND body IS NULL
"""
_COUNT: Final = """
    UPDATE chatbots_conversation
       SET prompt_tokens = prompt_tokens + %(prompt)s, cost_nano = cost_nano + %(cost)s,
           completion_tokens = completion_tokens + %(completion)s, last_message_at = now()
     WHERE id = %(conversation)s RETURNING chatbot_id, is_preview
"""
_TOUCH: Final = """
    UPDATE chatbots_message SET touched_at = now(), text = %(text)s, events = %(events)s
     WHERE id = %(id)s AND body IS NULL
    RETURNING cancel_asked, heard_at > now() - make_interval(secs => %(lately)s)
"""
_CANCEL: Final = """
    UPDATE chatbots_message SET cancel_asked = true WHERE id = %(id)s AND status = 'in_progress'
"""
_HEAR: Final = """
    UPDATE chatbots_message SET heard_at = now() WHERE id = %(id)s AND status = 'in_progress'
"""
_FIND: Final = """
    SELECT message.conversation_id, message.id AS message_id, message.status, message.text,
           message.body, message.events, message.model,
           extract(epoch FROM message.created_at)::bigint AS created
      FROM chatbots_message AS message
      JOIN chatbots_conversation AS chat ON chat.id = message.conversation_id
     WHERE message.response_id = %(response)s AND message.role = 'assistant'
       AND chat.organisation_id = %(organisation)s AND chat.chatbot_id = %(chatbot)s
       AND chat.visitor_id IS NOT DISTINCT FROM %(visitor)s
"""
