"""Conversations for those who own the chatbot: found, read, flagged, rated, exported, deleted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from api.errors import InvalidRequest, NotFound
from chatbots.author import Author
from chatbots.models import Chatbot, Conversation, Message, Visitor

YES_NO: Final = {"true": True, "false": False}
FILTERS: Final = ("q", "visitor", "origin", "feedback", "flagged", "status", "preview")
LONGEST_SEARCH: Final = 200


def filtered(chatbot: Chatbot, query: Mapping[str, str]) -> QuerySet[Conversation]:
    """Conversations with a message, as the query's filters say. Raises InvalidRequest."""
    chats = Conversation.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, messages_count__gt=0
    )
    for name, field in (("visitor", "visitor_id"), ("origin", "origin")):
        if name in query:
            chats = chats.filter(**{field: query[name]})
    for name, field in (("flagged", "flagged"), ("preview", "is_preview")):
        if name in query:
            chats = chats.filter(**{field: _boolean(name, query[name])})
    for name, values in (("feedback", Message.Feedback.values), ("status", Message.Status.values)):
        if name in query:
            value = _one_of(name, query[name], values)
            chats = chats.filter(_has(**{name: value}))
    return chats.filter(_has(words=_search(query["q"]))) if "q" in query else chats


def find(chatbot: Chatbot, chat_id: str) -> Conversation:
    """Raises NotFound."""
    found: Conversation | None = Conversation.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, pk=chat_id
    ).first()
    if found is None:
        raise NotFound("This chatbot has no such conversation.", code="conversation_not_found")
    return found


def messages(chat: Conversation) -> QuerySet[Message]:
    found: QuerySet[Message] = Message.objects.filter(
        organisation_id=chat.organisation_id, conversation=chat
    ).defer("words", "body")
    return found


def flag(chat: Conversation, *, flagged: bool) -> Conversation:
    chat.flagged = flagged
    chat.save(update_fields=["flagged"])
    return chat


def rate(chat: Conversation, message_id: str, rating: str | None, comment: str) -> Message:
    """Raises NotFound."""
    answer = messages(chat).filter(pk=message_id, role=Message.Role.ASSISTANT).first()
    if answer is None:
        raise NotFound("There is no such answer in this conversation.", param="message_id")
    answer.feedback, answer.feedback_comment = rating, comment
    answer.save(update_fields=["feedback", "feedback_comment"])
    return answer


def delete(chat: Conversation) -> None:
    Conversation.objects.filter(pk=chat.pk).delete()


def visitor(chatbot: Chatbot, visitor_id: str) -> Visitor:
    """Raises NotFound."""
    found: Visitor | None = Visitor.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, pk=visitor_id
    ).first()
    if found is None:
        raise NotFound("This chatbot has no such visitor.")
    return found


def all_of(of: Visitor) -> list[tuple[Conversation, Sequence[Message]]]:
    """Everything that a visitor and the chatbot have said."""
    chats = Conversation.objects.filter(organisation_id=of.organisation_id, visitor=of)
    return [(chat, list(messages(chat))) for chat in chats.order_by("created_at")]


@transaction.atomic
def forget(chatbot: Chatbot, of: Visitor, author: Author) -> int:
    """The visitor and all that they said; how many conversations went."""
    count = Conversation.objects.filter(organisation_id=of.organisation_id, visitor=of).count()
    Visitor.objects.filter(pk=of.pk).delete()
    author.record("visitor_deleted", chatbot, after={"visitor": of.id, "conversations": count})
    return count


def _has(**fields: Any) -> Exists:
    return Exists(Message.objects.filter(conversation=OuterRef("pk"), **fields))


def _search(text: str) -> SearchQuery:
    if not text.strip() or len(text) > LONGEST_SEARCH:
        raise InvalidRequest(f"'q' has 1 to {LONGEST_SEARCH} characters.", param="q")
    return SearchQuery(text, config="simple", search_type="websearch")


def _boolean(name: str, value: str) -> bool:
    if value not in YES_NO:
        raise InvalidRequest(f"'{name}' is true or false.", param=name)
    return YES_NO[value]


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise InvalidRequest(f"'{name}' is one of {', '.join(known)}.", param=name)
    return value
