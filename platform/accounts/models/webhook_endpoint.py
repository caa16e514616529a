"""Where an organisation wants to be told what happened: its address, its events, its secret."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.organisation import Organisation
from api import ids


def new_endpoint_id() -> str:
    return ids.new("wh")


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def wanting(self, event: str) -> Self:
        return self.filter(enabled=True, events__contains=[event])


class WebhookEndpoint(models.Model):
    id = models.CharField(primary_key=True, max_length=40, default=new_endpoint_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="webhook_endpoints"
    )
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=40), default=list)
    sealed_secret = models.TextField(editable=False, help_text="Encrypted: `accounts.sealing`.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["WebhookEndpoint"]] = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="endpoint_of_organisation")
        ]

    def __str__(self) -> str:
        return self.url
