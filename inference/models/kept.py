"""Answers that an organisation can read again, until their time is over."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.utils import timezone

from accounts.models import Organisation

KEPT_FOR: Final = timedelta(days=30)  # as OpenAI keeps them


def end_of_keeping() -> datetime:
    return timezone.now() + KEPT_FOR


class KeptQuerySet(models.QuerySet[Any]):
    def for_organisation(self, organisation_id: str) -> Self:
        """An organisation's own rows, without those whose time is over."""
        return self.filter(organisation_id=organisation_id, expires_at__gt=timezone.now())

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())


class Kept(models.Model):
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=end_of_keeping, db_index=True, editable=False)

    objects: ClassVar[models.Manager[Any]] = KeptQuerySet.as_manager()

    class Meta:
        abstract = True
