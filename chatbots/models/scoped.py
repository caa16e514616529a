"""Rows of one organisation, which are never asked for without it."""

from typing import Any, Self

from django.db import models

from accounts.models import Organisation


class ScopedQuerySet(models.QuerySet[Any]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Scoped(models.Model):
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        abstract = True
