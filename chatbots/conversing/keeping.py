"""What is kept of conversations, for those who hold them."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.crypto import salted_hmac
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from accounts.webhooks.telling import tell
from api import database, ids
from api.errors import InvalidRequest, NotFound
from chatbots import limits
from chatbots.conversing import answers
from chatbots.conversing.beginning import counted
from chatbots.conversing.claims import LONGEST_ID, open_conversation, unknown
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live

MOST_ITEMS: Final = 100
LONGEST_COMMENT: Final = 2_000
RATINGS: Final = frozenset({"up", "down", None})
MOST_ORIGINS: Final = 200
"""Sites that are remembered of one chatbot: refused ones are anybody's invention."""
SALT: Final = "chatbots.conversing.keeping"


async def visitor_of(live: Live, external_id: str, claims: Mapping[str, str]) -> str:
    """The visitor that a signed user token names: the same on every device."""
    digest = salted_hmac(SALT, f"{live.chatbot_id} {external_id}", algorithm="sha256").hexdigest()
    values = {
        "visitor": f"vis_{digest[:32]}",
        "organisation": live.organisation_id,
        "chatbot": live.chatbot_id,
        "external": external_id[:200],
        "claims": Jsonb(dict(claims)),
    }
    async with database.connection() as connection:
        await connection.execute(_VISITOR, values)
        await connection.execute(_KNOWN, values)
    return str(values["visitor"])


async def new_conversation(live: Live, speaker: Speaker) -> str:
    conversation_id = ids.new("chat")
    async with database.connection() as connection, connection.transaction():
        await open_conversation(live, speaker, conversation_id, connection)
    return conversation_id


async def latest(live: Live, speaker: Speaker) -> str | None:
    """The conversation that a visitor was last in."""
    if speaker.visitor_id is None:
        return None
    async with database.connection() as connection:
        row = await (await connection.execute(_LATEST, _held(live, speaker, ""))).fetchone()
    return row[0] if row else None


async def active(live: Live, speaker: Speaker, conversation_id: str) -> str | None:
    """The response that is being made in it, if there is one."""
    if not _is_id(conversation_id):
        return None
    async with database.connection() as connection:
        values = _held(live, speaker, conversation_id)
        row = await (await connection.execute(_ACTIVE, values)).fetchone()
    return row[0] if row else None


async def items(
    live: Live, speaker: Speaker, conversation_id: str, before: str | None = None, limit: int = 30
) -> list[dict[str, Any]]:
    """The newest messages (older than the message `before`), the oldest of them first.

    Raises NotFound with the code `conversation_not_found`.
    """
    values = {
        **_held(live, speaker, conversation_id),
        "before": before if before and _is_id(before) else None,
        "limit": max(1, min(limit, MOST_ITEMS)),
    }
    async with database.connection() as connection:
        known = (
            _is_id(conversation_id) and await (await connection.execute(_EXISTS, values)).fetchone()
        )
        if not known:
            raise unknown(conversation_id)
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(_ITEMS, values)
        rows = await cursor.fetchall()
    return [item(row, shows_cost=speaker.sees_costs) for row in reversed(rows)]


def item(row: Mapping[str, Any], *, shows_cost: bool) -> dict[str, Any]:
    """A message as OpenAI's item, with what a conversation adds; visitors see no cost."""
    kind = "output_text" if row["role"] == "assistant" else "input_text"
    part = {"type": kind, "text": row["text"]}
    if row["role"] == "assistant":
        part |= {"annotations": row["sources"]}
    return {
        "id": row["id"],
        "type": "message",
        "role": row["role"],
        "status": row["status"],
        "content": [part],
        "response_id": row["response_id"] or None,
        "event_id": row["event_id"],
        "sources": row["sources"],
        "feedback": row["feedback"],
        "created_at": row["created"],
        **(_reading(row) if shows_cost and row["charged"] else {}),
    }


def _reading(row: Mapping[str, Any]) -> dict[str, Any]:
    """As its response had it at its end."""
    tokens = {"input_tokens": row["prompt_tokens"], "output_tokens": row["completion_tokens"]}
    told = answers.costs(row["cost_nano"], row["response_id"], row["first_token_ms"])
    return {"usage": tokens, "metadata": told}


async def feedback(
    live: Live, speaker: Speaker, item_id: str, rating: str | None, comment: str | None = None
) -> None:
    """`up`, `down`, or None to take it back. Raises NotFound, InvalidRequest."""
    if rating not in RATINGS:
        raise InvalidRequest("A rating is up, down or null.", param="rating")
    if len(comment or "") > LONGEST_COMMENT:
        raise InvalidRequest(
            f"A comment has at most {LONGEST_COMMENT:,} characters.", param="comment"
        )
    values = {
        **_held(live, speaker, ""),
        "id": item_id,
        "rating": rating,
        "comment": (comment or "").replace("\0", ""),
    }
    async with database.connection() as connection, connection.transaction():
        done = _is_id(item_id) and (await connection.execute(_RATE, values)).rowcount
        if done:
            rated = {"chatbot": live.chatbot_id, "message": item_id, "rating": rating}
            said = rated | {"comment": values["comment"]}
            await tell(connection, live.organisation_id, "chatbot.feedback", said)
    if not done:
        raise NotFound("There is no such answer in a conversation of yours.", param="item_id")


async def seen(live: Live, origin: str, client_version: str, refused: bool) -> None:
    """A site has asked for the chatbot."""
    values = {
        "organisation": live.organisation_id,
        "chatbot": live.chatbot_id,
        "origin": origin.replace("\0", "")[:255],
        "client": client_version.replace("\0", "")[:40],
        "refused": int(refused),
        "most": MOST_ORIGINS,
    }
    async with database.connection() as connection:
        await connection.execute(_SEEN, values)


async def limits_of(live: Live, speaker: Speaker) -> list[dict[str, Any]]:
    """`[{name, limit, remaining, reset_seconds}]`, as rate_limits.updated tells them."""
    return [
        {
            "name": one.name,
            "limit": one.limit,
            "remaining": one.remaining,
            "reset_seconds": one.reset_seconds,
        }
        for one in limits.left(counted(live, speaker))
    ]


def _held(live: Live, speaker: Speaker, conversation_id: str) -> dict[str, Any]:
    return {
        "conversation": conversation_id,
        "organisation": live.organisation_id,
        "chatbot": live.chatbot_id,
        "visitor": speaker.visitor_id,
    }


def _is_id(text: str) -> bool:
    return len(text) <= LONGEST_ID and text.isprintable()


_VISITOR: Final = """
    INSERT INTO chatbots_visitor
           (id, organisation_id, chatbot_id, external_id, claims, created_at, last_seen)
    VALUES (%(visitor)s, %(organisation)s, %(chatbot)s, %(external)s, %(claims)s, now(), now())
    ON CONFLICT DO NOTHING
"""
_KNOWN: Final = """
    UPDATE chatbots_visitor SET last_seen = now(), claims = %(claims)s
     WHERE id = %(visitor)s AND organisation_id = %(organisation)s
"""
_EXISTS: Final = """
    SELECT 1 FROM chatbots_conversation AS chat
     WHERE chat.id = %(conversation)s
       AND chat.organisation_id = %(organisation)s AND chat.chatbot_id = %(chatbot)s
       AND chat.visitor_id IS NOT DISTINCT FROM %(visitor)s
"""
_LATEST: Final = """
    SELECT chat.id FROM chatbots_conversation AS chat
     WHERE chat.organisation_id = %(organisation)s AND chat.chatbot_id = %(chatbot)s
       AND chat.visitor_id IS NOT DISTINCT FROM %(visitor)s
       AND chat.messages_count > 0
     ORDER BY chat.last_message_at DESC LIMIT 1
"""
_ACTIVE: Final = """
    SELECT message.response_id
      FROM chatbots_message AS message
      JOIN chatbots_conversation AS chat ON chat.id = message.conversation_id
     WHERE message.conversation_id = %(conversation)s AND message.status = 'in_progress'
       AND chat.organisation_id = %(organisation)s AND chat.chatbot_id = %(chatbot)s
       AND chat.visitor_id IS NOT DISTINCT FROM %(visitor)s
"""
_ITEMS: Final = """
    SELECT id, role, text, status, response_id, event_id, sources, feedback,
           prompt_tokens, completion_tokens, cost_nano, first_token_ms,
           body IS NOT NULL AS charged,
           extract(epoch FROM created_at)::bigint AS created
      FROM chatbots_message
     WHERE conversation_id = %(conversation)s
       AND (%(before)s::text IS NULL OR place < (
            SELECT place FROM chatbots_message
             WHERE id = %(before)s AND conversation_id = %(conversation)s))
     ORDER BY place DESC LIMIT %(limit)s
"""
_RATE: Final = """
    UPDATE chatbots_message AS message
       SET feedback = %(rating)s, feedback_comment = %(comment)s
      FROM chatbots_conversation AS chat
     WHERE message.id = %(id)s AND message.role = 'assistant'
       AND chat.id = message.conversation_id
       AND chat.organisation_id = %(organisation)s AND chat.chatbot_id = %(chatbot)s
       AND chat.visitor_id IS NOT DISTINCT FROM %(visitor)s
"""
_SEEN: Final = """
    INSERT INTO chatbots_seen
           (organisation_id, chatbot_id, origin, client_version, refused, last_seen)
    SELECT %(organisation)s, %(chatbot)s::text, %(origin)s::text, %(client)s, %(refused)s, now()
     WHERE (SELECT count(*) FROM chatbots_seen WHERE chatbot_id = %(chatbot)s::text) < %(most)s
        OR EXISTS (SELECT FROM chatbots_seen
                    WHERE chatbot_id = %(chatbot)s::text AND origin = %(origin)s::text)
    ON CONFLICT (chatbot_id, origin) DO UPDATE
       SET last_seen = now(), refused = chatbots_seen.refused + excluded.refused,
           client_version = coalesce(nullif(excluded.client_version, ''),
                                     chatbots_seen.client_version)
"""
