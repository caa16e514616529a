"""The record of who changed what: keys, roles, logins; written once, never changed."""

from typing import ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.models.organisation import Organisation
from api import ids, request_ids


def new_audit_id() -> str:
    return ids.new("aud")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class AuditEntry(models.Model):
    id = models.CharField(primary_key=True, max_length=40, default=new_audit_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, related_name="audit_entries"
    )
    actor = models.CharField(max_length=254, help_text="A user's or key's id, or what was typed.")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=40, blank=True, default=request_ids.current)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar[models.Manager["AuditEntry"]] = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"{self.action} {self.target} by {self.actor}"
