"""Conversations as a Run uses them: read all items, append new ones, in one order for everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from api import database
from api.errors import InvalidRequest, NotFound
from inference.schemas.responses.items import new_item_id

__all__ = ["Moment", "append", "items", "new_item_id", "unknown"]

MOST_SIZE: Final = 8 * 1024 * 1024  # characters of JSON

# Up to the first item that makes them too large together; `size` tells whether there is one.
_READ: Final = """
    WITH found AS (
        SELECT item.data, item.position, length(item.data::text) AS own,
               sum(length(item.data::text)) OVER (ORDER BY item.position) AS size
          FROM inference_conversation AS conversation
          LEFT JOIN inference_conversationitem AS item
            ON item.conversation_id = conversation.id AND item.position < coalesce(
               (SELECT min(position) FROM inference_conversationitem
                 WHERE conversation_id = %(id)s AND id = ANY(%(ids)s)),
               (SELECT min(position) FROM inference_conversationitem
                 WHERE conversation_id = %(id)s AND created_at > %(asked_at)s),
               9223372036854775807)
         WHERE conversation.id = %(id)s AND conversation.organisation_id = %(organisation)s)
    SELECT data, size FROM found WHERE data IS NULL OR size - own <= %(most)s ORDER BY position
"""
# Appends to one conversation come one after another, and not after its end.
_LOCK: Final = """
    SELECT 1 FROM inference_conversation WHERE id = %s AND organisation_id = %s FOR NO KEY UPDATE
"""
_APPEND: Final = """
    INSERT INTO inference_conversationitem (id, conversation_id, data, created_at)
    SELECT value ->> 'id', %s, value, statement_timestamp()
      FROM jsonb_array_elements(%s) WITH ORDINALITY AS given(value, place)
     ORDER BY place
    ON CONFLICT (conversation_id, id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """Before these items stood there; before `asked_at`, where none of them ever did."""

    ids: Sequence[str] = ()
    asked_at: datetime | None = None


NOW: Final = Moment()


async def items(
    organisation_id: str, conversation_id: str, most_size: int = MOST_SIZE, moment: Moment = NOW
) -> list[dict[str, Any]]:
    """All items, the oldest first.

    Raises InvalidRequest (they are too large together), NotFound, DatabaseUnavailable.
    """
    values = {
        "id": conversation_id,
        "organisation": organisation_id,
        "most": most_size,
        "ids": list(moment.ids),
        "asked_at": moment.asked_at and moment.asked_at + timedelta(seconds=1),
    }
    async with database.connection() as pooled:
        rows = await (await pooled.execute(_READ, values)).fetchall()
    if not rows:
        raise unknown(conversation_id)
    if (rows[-1][1] or 0) > most_size:
        raise InvalidRequest(
            f"This conversation has more than {most_size:,} characters. Begin another one.",
            param="conversation",
            code="context_length_exceeded",
        )
    return [data for data, _ in rows if data is not None]


async def append(
    organisation_id: str,
    conversation_id: str,
    items: Sequence[Mapping[str, Any]],
    connection: database.Connection | None = None,
) -> None:
    """Add items, which have their ids, at the end; one that stands there already is left alone.

    Raises NotFound, DatabaseUnavailable.
    """
    if connection is None:
        async with database.connection() as own:
            await append(organisation_id, conversation_id, items, own)
        return
    async with connection.transaction():
        found = await connection.execute(_LOCK, (conversation_id, organisation_id))
        if await found.fetchone() is None:
            raise unknown(conversation_id)
        await connection.execute(_APPEND, (conversation_id, Jsonb(list(items))))


def unknown(conversation_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation with the id '{conversation_id[:64]}'.",
        hint="Begin one with POST /v1/conversations.",
    )
