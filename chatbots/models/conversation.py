"""A conversation: its messages, who holds it, and what it has cost."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from api import ids
from chatbots.models.chatbot import Chatbot
from chatbots.models.scoped import Scoped, ScopedQuerySet
from chatbots.models.visitor import Visitor


def new_conversation_id() -> str:
    return ids.new("chat")


class Conversation(Scoped):
    """Held by a visitor, or by an API key (`key_id`); nobody else may read it through the widget.

    What happens in it is in the database; a socket or a request only passes by.
    """

    id = models.CharField(
        primary_key=True, max_length=40, default=new_conversation_id, editable=False
    )
    chatbot = models.ForeignKey(
        Chatbot, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    visitor = models.ForeignKey(
        Visitor, on_delete=models.DO_NOTHING, null=True, related_name="+",
        db_constraint=False,
    )  # fmt: skip
    key_id = models.CharField(max_length=40, blank=True)
    is_preview = models.BooleanField(default=False, help_text="Of a draft, by its maker.")
    origin = models.CharField(max_length=255, blank=True)
    locale = models.CharField(max_length=35, blank=True)
    page = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    flagged = models.BooleanField(default=False)
    note = models.CharField(max_length=2000, blank=True, db_default="", help_text="The team's.")
    messages_count = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    last_message_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-last_message_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="chat_of_one"),
            models.UniqueConstraint(fields=["chatbot", "id"], name="chat_of_chatbot"),
        ]
        indexes = [
            models.Index(fields=["chatbot", "last_message_at"], name="chat_listing"),
            models.Index(fields=["organisation", "last_message_at"], name="chat_listing_of_all"),
            GinIndex(fields=["metadata"], name="chat_metadata"),
        ]

    def __str__(self) -> str:
        return self.id
