"""Calls that a key's rate limit refused: one sum for each key and hour, kept for a year."""

from typing import ClassVar, Self

from django.db import models

from accounts.models.api_key import APIKey
from accounts.models.organisation import Organisation


class RefusalQuerySet(models.QuerySet["Refusal"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Refusal(models.Model):
    """Written by accounts.metering alone, some seconds after the calls."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.ForeignKey(APIKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    calls = models.BigIntegerField()

    objects: ClassVar[models.Manager["Refusal"]] = RefusalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "hour"], name="one_sum_of_refusals_each_hour")
        ]
        indexes = [models.Index(fields=["organisation", "hour"], name="refusals_listing")]

    def __str__(self) -> str:
        return f"{self.key_id}: {self.calls} refused at {self.hour:%Y-%m-%d %H:00}"
