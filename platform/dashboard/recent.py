"""What happened last: conversations with their first words, or answers where nobody chats."""

from typing import Final

from django.db.models import OuterRef, QuerySet, Subquery

from billing.models import Hold
from chatbots.models import Conversation, Message

MOST: Final = 10


def conversations(organisation_id: str) -> list[Conversation]:
    """With `first_words`; neither previews nor what has no message yet."""
    said = Message.objects.filter(conversation=OuterRef("pk"), role=Message.Role.USER)
    mine = Conversation.objects.filter(
        organisation_id=organisation_id, is_preview=False, messages_count__gt=0
    )
    told = mine.annotate(first_words=Subquery(said.order_by("place").values("text")[:1]))
    return list(told.select_related("chatbot").order_by("-last_message_at")[:MOST])


def answers(organisation_id: str) -> QuerySet[Hold]:
    closed = Hold.objects.all().for_organisation(organisation_id).filter(closed_at__isnull=False)
    return closed.select_related("key").order_by("-closed_at")[:MOST]
