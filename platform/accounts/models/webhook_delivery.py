"""One message to one webhook endpoint: what is sent, how often it was tried, what came back."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from accounts.models.webhook_endpoint import WebhookEndpoint
from api import ids
from api.jobs import Job, JobQuerySet


def new_message_id() -> str:
    return ids.new("msg")


class WebhookDeliveryQuerySet(JobQuerySet):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def due(self) -> Self:
        return self.filter(state=WebhookDelivery.State.WAITING, next_attempt_at__lte=Now())


class WebhookDelivery(Job):
    """Its id is the message's id, the same at every attempt: receivers count it once by it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=40, default=new_message_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="webhook_deliveries"
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=40)
    body = models.TextField(help_text="The exact text that is signed and sent.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    next_attempt_at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status of the last try.")
    answer = models.CharField(max_length=500, blank=True, help_text="What came back, or why not.")
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["WebhookDelivery"]] = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="waiting"), name="deliveries_due"
            ),
            models.Index(fields=["organisation", "-created_at"], name="deliveries_listing"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint_id}"
