"""Conversations for those who own the chatbot: found, read, flagged, rated, exported, deleted."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from api.errors import InvalidRequest, NotFound
from api.numbers import written
from chatbots.author import Author
from chatbots.models import Chatbot, Conversation, Message, Visitor

YES_NO: Final = {"true": True, "false": False}
LONGEST_SEARCH: Final = 200
MOST_DAYS: Final = 3_650
NANO: Final = 10**9
FEW: Final = 1_000
CHATS: Final = "/v1/chatbots/{}/conversations"


def filtered(chatbot: Chatbot, query: Mapping[str, str]) -> QuerySet[Conversation]:
    """Conversations with a message, as the query's filters say. Raises InvalidRequest."""
    return of_all(chatbot.organisation_id, query).filter(chatbot=chatbot)


def of_all(organisation_id: str, query: Mapping[str, str]) -> QuerySet[Conversation]:
    """The same of all its chatbots. Raises InvalidRequest."""
    chats = Conversation.objects.filter(organisation_id=organisation_id, messages_count__gt=0)
    asked = {name: query[name] for name in _FILTERS if name in query}
    found: QuerySet[Conversation] = chats.filter(
        *(_FILTERS[name](organisation_id, value) for name, value in asked.items())
    )
    return found


def find(chatbot: Chatbot, chat_id: str) -> Conversation:
    """Raises NotFound."""
    found: Conversation | None = Conversation.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, pk=chat_id
    ).first()
    if found is None:
        raise NotFound(
            "This chatbot has no such conversation.",
            code="conversation_not_found",
            hint=f"List them with GET {CHATS.format(chatbot.name)}.",
        )
    return found


def of_any(organisation_id: str, chat_id: str) -> Conversation:
    """Whichever of its chatbots had it; with chatbot and visitor. Raises NotFound."""
    mine = Conversation.objects.filter(organisation_id=organisation_id, pk=chat_id)
    found: Conversation | None = mine.select_related("chatbot", "visitor").first()
    if found is None:
        raise NotFound("No such conversation, or it is not yours.", code="conversation_not_found")
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


def note(chat: Conversation, text: str) -> Conversation:
    """What the team has to say about it; visitors never see it. Empty: nothing."""
    chat.note = text
    chat.save(update_fields=["note"])
    return chat


def rate(chat: Conversation, message_id: str, rating: str | None, comment: str) -> Message:
    """Raises NotFound."""
    answer = messages(chat).filter(pk=message_id, role=Message.Role.ASSISTANT).first()
    if answer is None:
        raise NotFound(
            "There is no such answer in this conversation.",
            param="message_id",
            hint=f"GET {CHATS.format(chat.chatbot.name)}/{chat.id}/messages lists them.",
        )
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
        raise NotFound(
            "This chatbot has no such visitor.",
            hint=f"GET {CHATS.format(chatbot.name)} names those who have written.",
        )
    return found


def all_of(of: Visitor) -> list[tuple[Conversation, Sequence[Message]]]:
    """Everything that a visitor and the chatbot have said."""
    chats = Conversation.objects.filter(organisation_id=of.organisation_id, visitor=of)
    return [(chat, list(messages(chat))) for chat in chats.order_by("created_at")]


def told(chats: Sequence[Conversation]) -> Iterator[tuple[Conversation, Sequence[Message]]]:
    """Each with its messages, by one query; chats of one organisation."""
    said: dict[str, list[Message]] = {chat.pk: [] for chat in chats}
    organisations = {chat.organisation_id for chat in chats}
    found = Message.objects.filter(organisation_id__in=organisations, conversation__in=said).defer(
        "words", "body"
    )
    for one in found.order_by("conversation", "place"):
        said[one.conversation_id].append(one)
    return ((chat, said[chat.pk]) for chat in chats)


@transaction.atomic
def forget(chatbot: Chatbot, of: Visitor, author: Author) -> int:
    """The visitor and all that they said; how many conversations went."""
    count = Conversation.objects.filter(organisation_id=of.organisation_id, visitor=of).count()
    Visitor.objects.filter(pk=of.pk).delete()
    author.record("visitor_deleted", chatbot, after={"visitor": of.id, "conversations": count})
    return count


def _has(organisation_id: str, **fields: Any) -> Q | Exists:
    """Conversations with such a message. Where these are few, an index names them at once; else
    the newest conversations are looked at one by one, and soon enough of them have one."""
    said = Message.objects.filter(organisation_id=organisation_id, **fields)
    few = list(said.order_by().values_list("conversation_id", flat=True)[: FEW + 1])
    if len(few) <= FEW:
        return Q(pk__in=set(few))
    return Exists(said.filter(conversation=OuterRef("pk")))


def _words(organisation_id: str, text: str) -> Q | Exists:
    if not text.strip() or len(text) > LONGEST_SEARCH:
        said = _("A search has 1 to %(most)d characters.") % {"most": LONGEST_SEARCH}
        raise InvalidRequest(said, param="q")
    return _has(organisation_id, words=SearchQuery(text, config="simple", search_type="websearch"))


def _lately(_organisation_id: str, text: str) -> Q:
    days = int(text) if re.fullmatch("[0-9]{1,4}", text) else 0
    if not 1 <= days <= MOST_DAYS:
        said = _("'days' is a whole number from 1 to %(most)s.") % {"most": written(MOST_DAYS)}
        raise InvalidRequest(said, param="days")
    return Q(last_message_at__gte=timezone.now() - timedelta(days=days))


def _dear(_organisation_id: str, text: str) -> Q:
    """Dollars as they are written."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise InvalidRequest(_("'least_cost' is dollars, as 0.002."), param="least_cost")
    return Q(cost_nano__gte=int(Decimal(text) * NANO))


def _boolean(name: str, value: str) -> bool:
    if value not in YES_NO:
        raise InvalidRequest(f"'{name}' is true or false.", param=name)
    return YES_NO[value]


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise InvalidRequest(f"'{name}' is one of {', '.join(known)}.", param=name)
    return value


_FILTERS: Final[Mapping[str, Callable[[str, str], Q | Exists]]] = {
    "q": _words,
    "visitor": lambda _of, text: Q(visitor_id=text),
    "origin": lambda _of, text: Q(origin=text),
    "feedback": lambda of, text: _has(
        of, feedback=_one_of("feedback", text, Message.Feedback.values)
    ),
    "status": lambda of, text: _has(of, status=_one_of("status", text, Message.Status.values)),
    "flagged": lambda _of, text: Q(flagged=_boolean("flagged", text)),
    "preview": lambda _of, text: Q(is_preview=_boolean("preview", text)),
    "days": _lately,
    "least_cost": _dear,
}
