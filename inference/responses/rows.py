"""The rows of responses: written when a Run ends, in the background when it begins, too."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from api import database
from api.errors import InvalidRequest, NotFound
from billing.ledger import Usage
from inference import conversations
from inference.models.kept import KEPT_FOR
from inference.responses.body import DONE, usage_of
from inference.schemas.responses.items import Item

MOST_STEPS: Final = 1000  # responses that one may go on from, one after the other
MOST_SIZE: Final = conversations.MOST_SIZE  # that they and the request may have together


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    status: str
    background: bool
    body: Item


@dataclass(frozen=True, slots=True)
class NewRow:
    """What is known of a response besides its object."""

    organisation_id: str
    conversation_id: str | None
    input: list[Item]
    body: Item


async def insert(row: NewRow) -> None:
    """A response in the background, before it runs. One that has ended already stays as it is."""
    async with database.connection() as connection:
        await connection.execute(f"{_INSERT} ON CONFLICT (id) DO NOTHING", _values(row))


async def record(row: NewRow, connection: database.Connection, *, begun: bool = False) -> bool:
    """The response as it stays; False when that was written before.

    One whose row was there when it began (`begun`) may have been cancelled and deleted meanwhile:
    it does not come back.
    """
    statement = _END if begun else f"{_INSERT} {_FINISH}"
    cursor = await connection.execute(f"{statement} RETURNING id", _values(row))
    return await cursor.fetchone() is not None


async def begin(organisation_id: str, response_id: str) -> None:
    """A response in the background is no longer queued."""
    await _change(organisation_id, response_id, "in_progress", ["queued"])


async def cancel(organisation_id: str, response_id: str) -> None:
    """Of another process's Run, which looks once a second whether it is cancelled."""
    await _change(organisation_id, response_id, "cancelled", ["queued", "in_progress"])


async def find(organisation_id: str, response_id: str) -> Row:
    """Raises NotFound, also for a stranger's, and for what can be nobody's (a NUL in a path)."""
    row = await _read(organisation_id, response_id) if response_id.isprintable() else None
    if row is None:
        raise unknown(response_id)
    return row


def unknown(response_id: str) -> NotFound:
    return NotFound(
        f"Response with id '{response_id[:64]}' not found.",
        param="response_id",
        hint="Kept are answers of POST /v1/responses, for 30 days, unless store is false.",
    )


async def _read(organisation_id: str, response_id: str) -> Row | None:
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(_Found))
        await cursor.execute(_FIND, {"id": response_id, "organisation": organisation_id})
        found = await cursor.fetchone()
    return found.row if found else None


@dataclass(frozen=True, slots=True)
class _Found:
    """A row, and its hold if that is closed while the row knows of no usage: nobody lived to
    write it, and the sweep charged."""

    id: str
    status: str
    background: bool
    body: Item
    prompt: int | None
    cached: int
    completion: int
    charged: int

    @property
    def row(self) -> Row:
        body = self.body
        if self.prompt is not None and self.status in DONE:
            used = Usage(self.prompt, self.cached, self.completion)
            body = {**body, "usage": usage_of(used, self.charged)}
        return Row(self.id, self.status, self.background, body)


async def chain(organisation_id: str, response_id: str) -> list[Item]:
    """Every item of this response and of those that it went on from, the oldest first; before them
    what stood in the conversation that the first of them was made in.

    Nothing before the first that makes them too large together. Raises InvalidRequest, as OpenAI
    does, when there is no such response, or it is not done.
    """
    values = {
        "id": response_id,
        "organisation": organisation_id,
        "most": MOST_STEPS,
        "size": MOST_SIZE,
    }
    async with database.connection() as connection:
        rows = await (await connection.execute(_CHAIN, values)).fetchall()
    if not rows:
        raise InvalidRequest(
            f"Previous response with id '{response_id[:64]}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    newest = rows[-1]
    if newest[0] in {"queued", "in_progress"}:
        raise InvalidRequest(
            f"Response '{response_id[:64]}' is still running. Go on from it when it is done.",
            param="previous_response_id",
        )
    before = await _before(organisation_id, *rows[0][1:])
    return [*before, *(item for _, _, _, given, output in rows for item in (*given, *output))]


async def _before(
    organisation_id: str,
    conversation_id: str | None,
    asked_at: datetime,
    given: list[Item],
    output: list[Item],
) -> list[Item]:
    """The conversation as this response found it; nothing where that is gone."""
    if conversation_id is None:
        return []
    found = conversations.Moment([item["id"] for item in (*given, *output)], asked_at)
    with suppress(NotFound):
        return await conversations.items(organisation_id, conversation_id, MOST_SIZE, found)
    return []


async def items_named(organisation_id: str, ids: list[str]) -> dict[str, Item]:
    """Stored items by their ids, of responses (an item's id begins as its response's) and of
    conversations; those that are unknown are left out."""
    starts = ["resp_" + item_id.partition("_")[2][:28] for item_id in ids]
    values = {"ids": ids, "starts": starts, "organisation": organisation_id}
    async with database.connection() as connection:
        found = await (await connection.execute(_ITEMS, values)).fetchall()
    return {item["id"]: item for (item,) in found}


async def _change(organisation_id: str, response_id: str, status: str, before: list[str]) -> None:
    values = {
        "id": response_id,
        "organisation": organisation_id,
        "status": status,
        "before": before,
    }
    async with database.connection() as connection:
        await connection.execute(_CHANGE, values)


def _values(row: NewRow) -> dict[str, Any]:
    body = row.body
    return {
        "id": body["id"],
        "organisation": row.organisation_id,
        "status": body["status"],
        "model": body["model"],
        "background": body["background"],
        "previous": body["previous_response_id"] or "",
        "conversation": row.conversation_id,
        "input": Jsonb(row.input),
        "body": Jsonb(body),
        "created": body["created_at"],
        "kept": KEPT_FOR,
    }


_INSERT: Final = """
    INSERT INTO inference_response AS response
           (id, organisation_id, status, model, background, previous_id, conversation_id, input,
            body, created_at, expires_at)
    VALUES (%(id)s, %(organisation)s, %(status)s, %(model)s, %(background)s, %(previous)s,
            %(conversation)s, %(input)s, %(body)s, to_timestamp(%(created)s), now() + %(kept)s)
"""
# A row without usage is not the last word: queued, in progress, cancelled or given up elsewhere.
_FINISH: Final = """
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body
     WHERE response.body->'usage' = 'null' AND response.organisation_id = excluded.organisation_id
"""
_CHANGE: Final = """
    UPDATE inference_response
       SET status = %(status)s::text, body = body || jsonb_build_object('status', %(status)s::text)
     WHERE id = %(id)s AND organisation_id = %(organisation)s AND status = ANY(%(before)s)
"""
_END: Final = """
    UPDATE inference_response AS response SET status = %(status)s, body = %(body)s
     WHERE id = %(id)s AND organisation_id = %(organisation)s AND body->'usage' = 'null'
"""
_FIND: Final = """
    SELECT response.id, status, background, body, hold.prompt_tokens AS prompt,
           hold.cached_tokens AS cached, hold.completion_tokens AS completion, hold.charged
      FROM inference_response AS response
      LEFT JOIN billing_hold AS hold
        ON hold.id = replace(response.id, 'resp_', 'gen_') AND hold.state <> 'open'
           AND hold.organisation_id = response.organisation_id AND body->'usage' = 'null'
     WHERE response.id = %(id)s AND response.organisation_id = %(organisation)s
       AND expires_at > now()
"""
_CHAIN: Final = """
    WITH RECURSIVE chain AS (
        SELECT id, previous_id, conversation_id, created_at, status, input,
               body->'output' AS output, 1 AS step,
               length(input::text) + length(body->>'output') AS size
          FROM inference_response
         WHERE id = %(id)s AND organisation_id = %(organisation)s AND expires_at > now()
         UNION ALL
        SELECT before.id, before.previous_id, before.conversation_id, before.created_at,
               before.status, before.input, before.body->'output', chain.step + 1,
               chain.size + length(before.input::text) + length(before.body->>'output')
          FROM chain JOIN inference_response AS before ON before.id = chain.previous_id
         WHERE before.organisation_id = %(organisation)s AND before.expires_at > now()
           AND chain.step < %(most)s AND chain.size <= %(size)s)
    SELECT status, conversation_id, created_at, input, output FROM chain ORDER BY step DESC
"""
_ITEMS: Final = """
    SELECT item
      FROM unnest(%(starts)s::text[]) AS start
      JOIN inference_response AS response
        ON response.id BETWEEN start || '0000' AND start || 'ffff',
           jsonb_array_elements(response.input || (response.body->'output')) AS item
     WHERE response.organisation_id = %(organisation)s AND response.expires_at > now()
       AND item->>'id' = ANY(%(ids)s)
     UNION ALL
    SELECT item.data
      FROM inference_conversation AS conversation
      JOIN inference_conversationitem AS item ON item.conversation_id = conversation.id
     WHERE conversation.organisation_id = %(organisation)s AND item.id = ANY(%(ids)s)
"""
