"""Who writes to a chatbot from a page, and which pages it stands on."""

from typing import Any, ClassVar

from django.db import models

from api import ids
from chatbots.models.chatbot import Chatbot
from chatbots.models.scoped import Scoped, ScopedQuerySet


def new_visitor_id() -> str:
    return ids.new("vis")


class Visitor(Scoped):
    """`external_id` and `claims` come from a token that the customer's own server signed."""

    id = models.CharField(primary_key=True, max_length=40, default=new_visitor_id, editable=False)
    chatbot = models.ForeignKey(
        Chatbot, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    external_id = models.CharField(max_length=200, null=True)  # noqa: DJ001 - null: nobody knows them
    claims = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="visitor_of_one"),
            models.UniqueConstraint(fields=["chatbot", "id"], name="visitor_of_chatbot"),
            models.UniqueConstraint(fields=["chatbot", "external_id"], name="one_visitor_a_person"),
        ]

    def __str__(self) -> str:
        return self.id


class Seen(Scoped):
    """A site that has asked for a chatbot: with which widget, when last, how often refused."""

    chatbot = models.ForeignKey(
        Chatbot, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    origin = models.CharField(max_length=255)
    client_version = models.CharField(max_length=40, blank=True)
    refused = models.PositiveIntegerField(default=0)
    last_seen = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "seen"
        constraints = [
            models.UniqueConstraint(fields=["chatbot", "origin"], name="an_origin_stands_once"),
        ]

    def __str__(self) -> str:
        return f"{self.chatbot_id} on {self.origin}"
