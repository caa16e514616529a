"""A conversation: a list of items that responses read from and add to. It does not expire."""

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from accounts.models import Organisation
from api import ids


def new_conversation_id() -> str:
    return ids.new("conv")


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Conversation(models.Model):
    id = models.CharField(
        primary_key=True, max_length=48, default=new_conversation_id, editable=False
    )
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[models.Manager["Conversation"]] = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["organisation", "created_at"])]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="conversation_of_one")
        ]

    def __str__(self) -> str:
        return self.id


class ConversationItemQuerySet(models.QuerySet["ConversationItem"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(conversation__organisation_id=organisation_id)


class ConversationItem(models.Model):
    """One item in OpenAI's shape (`data`, with its `id` inside); `position` orders them."""

    position = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=64)  # msg_…, fc_…, fco_…
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="items")
    data = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[models.Manager["ConversationItem"]] = ConversationItemQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "id"], name="an_item_stands_once")
        ]

    def __str__(self) -> str:
        return self.id
