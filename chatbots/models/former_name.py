"""What a chatbot was called before: its old links and calls go on."""

from typing import Any, ClassVar, Final

from django.db import models

from chatbots.models.chatbot import Chatbot
from chatbots.models.scoped import Scoped, ScopedQuerySet

MOST: Final = 20
"""Of one chatbot; the oldest is forgotten."""


class FormerName(Scoped):
    """Gives way to a chatbot of its team that takes its name; other teams never get its page."""

    chatbot = models.ForeignKey(
        Chatbot, on_delete=models.DO_NOTHING, related_name="former_names", db_constraint=False
    )
    name = models.CharField(max_length=64)
    slug = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="former_names_differ"),
        ]

    def __str__(self) -> str:
        return f"{self.chatbot_id} as {self.name}"
