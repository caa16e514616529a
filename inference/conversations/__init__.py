"""Conversations as a Run uses them: read all items, append new ones, in one order for everybody."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb

from api import database
from api.errors import NotFound
from inference.schemas.responses.items import new_item_id

__all__ = ["append", "items", "new_item_id", "unknown"]

_READ: Final = """
    SELECT item.data
      FROM inference_conversation AS conversation
      LEFT JOIN inference_conversationitem AS item ON item.conversation_id = conversation.id
     WHERE conversation.id = %s AND conversation.organisation_id = %s
     ORDER BY item.position
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


async def items(organisation_id: str, conversation_id: str) -> list[dict[str, Any]]:
    """All items, the oldest first. Raises NotFound, DatabaseUnavailable."""
    async with database.connection() as pooled:
        found = await pooled.execute(_READ, (conversation_id, organisation_id))
        rows = await found.fetchall()
    if not rows:
        raise unknown(conversation_id)
    return [data for (data,) in rows if data is not None]


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
    return NotFound(f"There is no conversation with the id '{conversation_id[:64]}'.")
