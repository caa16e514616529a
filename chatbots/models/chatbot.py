"""A chatbot and the versions that were published of it."""

from typing import Any, ClassVar, Final, Self

from django.core.validators import RegexValidator
from django.db import models

from accounts import sealing
from accounts.models import APIKey
from api import ids
from chatbots.models.scoped import Scoped, ScopedQuerySet

NAME: Final = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
"""Lower case letters, digits and inner hyphens: what a URL and a model name can hold."""


def new_chatbot_id() -> str:
    return ids.new("bot")


class ChatbotQuerySet(ScopedQuerySet):
    def named(self, name: str) -> Self:
        return self.filter(name=name)


class Chatbot(Scoped):
    """`draft` is a Configuration as JSON; what visitors meet is `live`.

    The composite foreign keys are the database's own (sql/rules.sql): a row never joins two
    organisations, and what belongs to a chatbot goes with it.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_chatbot_id, editable=False)
    name = models.CharField(max_length=64, validators=[RegexValidator(rf"\A{NAME}\Z")])
    title = models.CharField(max_length=120)
    slug = models.CharField(max_length=80, unique=True, help_text="Of its page, /c/<slug>.")
    draft = models.JSONField()
    draft_changed_at = models.DateTimeField(auto_now_add=True)
    live = models.ForeignKey(
        "chatbots.Version", on_delete=models.DO_NOTHING, null=True, related_name="+",
        db_constraint=False,
    )  # fmt: skip
    paused_at = models.DateTimeField(null=True)
    rested_at = models.DateTimeField(null=True, help_text="When its budget last refused a prompt.")
    token_generation = models.PositiveIntegerField(default=1)
    identity_secret = models.TextField(help_text="Encrypted; signs user tokens.")
    publishable_key = models.ForeignKey(
        APIKey, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=True
    )
    publishable_text = models.CharField(max_length=64, help_text="Not secret: it stands in pages.")
    store_id = models.CharField(max_length=40, blank=True, help_text="Its own knowledge store.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = ChatbotQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="chatbot_of_one"),
            models.UniqueConstraint(fields=["organisation", "name"], name="chatbot_names_differ"),
        ]
        indexes = [models.Index(fields=["organisation", "created_at"], name="chatbot_listing")]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def differs(self) -> bool:
        """Is there something in the draft that is not published?"""
        return self.live is None or self.live.configuration != self.draft

    @property
    def secret(self) -> str:
        """What the customer's own server signs user tokens with."""
        return sealing.unseal(self.identity_secret)

    @secret.setter
    def secret(self, text: str) -> None:
        self.identity_secret = sealing.seal(text)


class Version(Scoped):
    """What was published: never changed, and only gone with its chatbot."""

    chatbot = models.ForeignKey(
        Chatbot, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    number = models.PositiveIntegerField()
    configuration = models.JSONField()
    author = models.CharField(max_length=254, help_text="A user's or key's id.")
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["chatbot", "number"], name="version_numbers_differ"),
            models.UniqueConstraint(fields=["chatbot", "id"], name="version_of_chatbot"),
        ]

    def __str__(self) -> str:
        return f"{self.chatbot_id} v{self.number}"
