"""Which user belongs to which organisation, and in which role."""

from typing import ClassVar, Self

from django.db import models

from accounts import scopes
from accounts.models.organisation import Organisation
from accounts.models.user import User
from api import ids


def new_membership_id() -> str:
    return ids.new("mem")


class MembershipQuerySet(models.QuerySet["Membership"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        DEVELOPER = "developer"
        BILLING = "billing"
        ANALYST = "analyst"

    id = models.CharField(
        primary_key=True, max_length=40, default=new_membership_id, editable=False
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.DEVELOPER)
    usage_views = models.JSONField(
        default=dict, blank=True, help_text="Queries of the usage page by their names."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Membership"]] = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="one_membership_each"),
            models.CheckConstraint(
                condition=models.Q(role__in=sorted(scopes.OF_ROLE)), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def scopes(self) -> frozenset[str]:
        """What this member may do, and so the most that a key of theirs may do."""
        return scopes.OF_ROLE[self.role]
