"""A message takes its place in a conversation, in one transaction: once an event, one at a time.

The conversation's row is locked meanwhile, so that it holds in several processes as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.crypto import salted_hmac
from psycopg.types.json import Jsonb

from api import database, ids, request_ids
from api.errors import IdempotencyMismatch, NotFound, ResponseInProgress
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live

LOST_SECONDS: Final = 10
"""An answer that nobody has touched for so long has lost its process."""
LONGEST_ID: Final = 64
SALT: Final = "chatbots.conversing.claims"
OTHER_MESSAGE: Final = (
    "This Idempotency-Key, or event's id, was used with another message. Use a new one for each."
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a speaker says; `earlier` are messages that came before it elsewhere, `replaces` is the
    answer that it asks for once more."""

    text: str
    conversation_id: str | None = None
    event_id: str | None = None
    metadata: Mapping[str, str] | None = None
    earlier: Sequence[tuple[str, str]] = ()  # (role, text)
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """`is_new` is false for an event that has been claimed before."""

    conversation_id: str
    response_id: str
    message_id: str
    is_new: bool
    first: bool = False  # of its conversation


async def claim(live: Live, speaker: Speaker, said: Said) -> Claim:
    """Raises NotFound (`conversation_not_found`), ResponseInProgress, IdempotencyMismatch."""
    async with database.connection() as connection, connection.transaction():
        conversation_id = said.conversation_id or _new_id(live, speaker, said.event_id)
        if said.conversation_id is None:
            await open_conversation(live, speaker, conversation_id, connection, said.metadata)
        count = await _locked(live, speaker, conversation_id, connection)
        if before := await _claimed(conversation_id, said, connection):
            return before
        await _refuse_second(conversation_id, connection)
        if said.replaces:
            count -= await _made_room(conversation_id, said.replaces, count, connection)
        return await _insert(live, conversation_id, count, said, connection)


async def known(live: Live, speaker: Speaker, said: Said) -> Claim | None:
    """The claim of the same event, if it was made before: then nothing else is asked."""
    if said.event_id is None:
        return None
    conversation_id = said.conversation_id or _new_id(live, speaker, said.event_id)
    async with database.connection() as connection:
        row = await (
            await connection.execute(_HELD, _holder(live, speaker, conversation_id))
        ).fetchone()
        return await _claimed(conversation_id, said, connection) if row else None


async def forget(claimed: Claim) -> None:
    """It was refused before it began: nothing is kept of it."""
    values = {"conversation": claimed.conversation_id, "response": claimed.response_id}
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_FORGET, values)
        if claimed.first:
            await connection.execute(_FORGET_EMPTY, values)


async def open_conversation(
    live: Live,
    speaker: Speaker,
    conversation_id: str,
    connection: database.Connection,
    metadata: Mapping[str, str] | None = None,
) -> None:
    values = {
        **_holder(live, speaker, conversation_id),
        "key": "" if speaker.visitor_id else speaker.key_id,
        "preview": speaker.preview or live.draft,
        "origin": (speaker.origin or "")[:255],
        "locale": (speaker.locale or "")[:35],
        "page": Jsonb(dict(speaker.page or {})),
        "claims": Jsonb(dict(speaker.claims)),
        "metadata": Jsonb(dict(metadata or {})),
    }
    if speaker.visitor_id:
        await connection.execute(_VISITOR, values)
        await connection.execute(_SEEN, values)
    await connection.execute(_OPEN, values)


def _new_id(live: Live, speaker: Speaker, event_id: str | None) -> str:
    """The same for the same event, so that one that is sent twice opens one conversation."""
    if event_id is None:
        return ids.new("chat")
    value = f"{live.chatbot_id} {speaker.holder} {event_id}"
    return "chat_" + salted_hmac(SALT, value, algorithm="sha256").hexdigest()[:32]


def _holder(live: Live, speaker: Speaker, conversation_id: str) -> dict[str, Any]:
    return {
        "conversation": conversation_id,
        "organisation": live.organisation_id,
        "chatbot": live.chatbot_id,
        "visitor": speaker.visitor_id,
    }


async def _locked(
    live: Live, speaker: Speaker, conversation_id: str, connection: database.Connection
) -> int:
    values = _holder(live, speaker, conversation_id)
    row = await (await connection.execute(f"{_HELD} FOR UPDATE", values)).fetchone()
    if row is None:
        raise unknown(conversation_id)
    return int(row[0])


def unknown(conversation_id: str) -> NotFound:
    return NotFound(
        f"This chatbot has no conversation '{conversation_id[:64]}' with you. Begin a new one.",
        param="conversation",
        code="conversation_not_found",
    )


async def _claimed(
    conversation_id: str, said: Said, connection: database.Connection
) -> Claim | None:
    """Raises IdempotencyMismatch: this event was another message."""
    if said.event_id is None:
        return None
    values = {"conversation": conversation_id, "event": said.event_id, "text": said.text}
    row = await (await connection.execute(_CLAIMED, values)).fetchone()
    if row is None:
        return None
    response_id, message_id, same = row
    if not same:
        raise IdempotencyMismatch(OTHER_MESSAGE)
    return Claim(conversation_id, response_id, message_id, is_new=False)


async def _refuse_second(conversation_id: str, connection: database.Connection) -> None:
    """Unless its process is gone: then it is ended here, and the conversation goes on."""
    values = {"conversation": conversation_id, "lost": LOST_SECONDS}
    await connection.execute(f"{END_LOST} AND conversation_id = %(conversation)s", values)
    if await (await connection.execute(_BUSY, values)).fetchone():
        raise ResponseInProgress(
            "An answer is being written in this conversation. Wait for its end, or cancel it.",
            retry_after=1,
        )


async def _made_room(
    conversation_id: str, response_id: str, count: int, connection: database.Connection
) -> int:
    """The last answer, if it is this one and did not come to its end, goes with its question: who
    reads the conversation later finds both once. What it has cost stays charged, and counted."""
    values = {"conversation": conversation_id, "response": response_id, "place": count}
    return (await connection.execute(_MAKE_ROOM, values)).rowcount


async def _insert(
    live: Live, conversation_id: str, count: int, said: Said, connection: database.Connection
) -> Claim:
    digits = ids.new("").removeprefix("_")
    claimed = Claim(conversation_id, f"resp_{digits}", _answer_id(digits), True, count == 0)
    texts = [*said.earlier, ("user", said.text)]
    for place, (role, text) in enumerate(texts, count + 1):
        newest = place == count + len(texts)
        await connection.execute(
            _INSERT,
            {
                **_message(live, claimed, place, role),
                "id": ids.new("msg"),
                "text": text.replace("\0", ""),
                "event": said.event_id if newest else None,
                "response": claimed.response_id if newest else "",
                "status": "completed",
            },
        )
    place = count + len(texts) + 1
    answer = {"id": claimed.message_id, "text": "", "event": None, "status": "in_progress"}
    await connection.execute(_INSERT, {**_message(live, claimed, place, "assistant"), **answer})
    await connection.execute(_COUNT, {"conversation": conversation_id, "count": place})
    return claimed


def _answer_id(digits: str) -> str:
    """The id of the response's own output item, so that both ends call the answer the same."""
    return f"msg_{digits[:28]}0000"


def _message(live: Live, claimed: Claim, place: int, role: str) -> dict[str, Any]:
    return {
        "organisation": live.organisation_id,
        "conversation": claimed.conversation_id,
        "place": place,
        "role": role,
        "response": claimed.response_id,
        "version": live.version_number,
        "request": request_ids.current(),
    }


_HELD: Final = """
    SELECT messages_count FROM chatbots_conversation
     WHERE id = %(conversation)s AND organisation_id = %(organisation)s
       AND chatbot_id = %(chatbot)s AND visitor_id IS NOT DISTINCT FROM %(visitor)s
"""
_CLAIMED: Final = """
    SELECT answer.response_id, answer.id, question.text = %(text)s
      FROM chatbots_message AS question
      JOIN chatbots_message AS answer
        ON answer.conversation_id = question.conversation_id
       AND answer.response_id = question.response_id AND answer.role = 'assistant'
     WHERE question.conversation_id = %(conversation)s AND question.event_id = %(event)s
"""
END_LOST: Final = """
    UPDATE chatbots_message
       SET status = CASE WHEN text = '' THEN 'failed' ELSE 'incomplete' END,
           finish_reason = 'error', error_code = 'server_error'
     WHERE status = 'in_progress' AND touched_at < now() - make_interval(secs => %(lost)s)
"""
_BUSY: Final = """
    SELECT 1 FROM chatbots_message
     WHERE conversation_id = %(conversation)s AND status = 'in_progress'
"""
_VISITOR: Final = """
    INSERT INTO chatbots_visitor (id, organisation_id, chatbot_id, claims, created_at, last_seen)
    VALUES (%(visitor)s, %(organisation)s, %(chatbot)s, %(claims)s, now(), now())
    ON CONFLICT DO NOTHING
"""
_OPEN: Final = """
    INSERT INTO chatbots_conversation (
           id, organisation_id, chatbot_id, visitor_id, key_id, is_preview, origin, locale, page,
           metadata, flagged, messages_count, prompt_tokens, completion_tokens, cost_nano,
           created_at, last_message_at)
    VALUES (%(conversation)s, %(organisation)s, %(chatbot)s, %(visitor)s, %(key)s, %(preview)s,
            %(origin)s, %(locale)s, %(page)s, %(metadata)s, false, 0, 0, 0, 0, now(), now())
    ON CONFLICT DO NOTHING
"""
_SEEN: Final = """
    UPDATE chatbots_visitor SET last_seen = now()
     WHERE id = %(visitor)s AND organisation_id = %(organisation)s
       AND last_seen < now() - interval '1 minute'
"""
_INSERT: Final = """
    INSERT INTO chatbots_message (
           id, organisation_id, conversation_id, place, role, text, status, response_id, event_id,
           version, model, prompt_tokens, completion_tokens, cost_nano, finish_reason, error_code,
           sources, request_id, feedback_comment, cancel_asked, events, created_at, touched_at)
    VALUES (%(id)s, %(organisation)s, %(conversation)s, %(place)s, %(role)s, %(text)s, %(status)s,
            %(response)s, %(event)s, %(version)s, '', 0, 0, 0, '', '', '[]', %(request)s, '',
            false, 0, now(), now())
"""
_COUNT: Final = """
    UPDATE chatbots_conversation SET messages_count = %(count)s, last_message_at = now()
     WHERE id = %(conversation)s
"""
_FORGET: Final = """
    DELETE FROM chatbots_message
     WHERE conversation_id = %(conversation)s AND response_id = %(response)s
"""
_MAKE_ROOM: Final = f"""{_FORGET}
       AND EXISTS (SELECT FROM chatbots_message
                    WHERE conversation_id = %(conversation)s AND response_id = %(response)s
                      AND place = %(place)s AND status IN ('failed', 'incomplete'))
"""
_FORGET_EMPTY: Final = """
    DELETE FROM chatbots_conversation WHERE id = %(conversation)s
       AND NOT EXISTS (SELECT FROM chatbots_message WHERE conversation_id = %(conversation)s)
"""
