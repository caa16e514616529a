"""What was said before in a conversation, as a model reads it."""

from typing import Final

from api import database
from inference.engines.base import Message

MOST: Final = 60  # messages that may go into one prompt


async def before(conversation_id: str, response_id: str) -> list[Message]:
    """The messages before this answer's question, the oldest first. What failed was not said."""
    values = {"conversation": conversation_id, "response": response_id, "most": MOST}
    async with database.connection() as connection:
        rows = await (await connection.execute(_BEFORE, values)).fetchall()
    return [Message(role, text) for role, text in reversed(rows)]


_BEFORE: Final = """
    SELECT role, text FROM chatbots_message
     WHERE conversation_id = %(conversation)s AND response_id <> %(response)s AND text <> ''
       AND status IN ('completed', 'incomplete')
     ORDER BY place DESC LIMIT %(most)s
"""
