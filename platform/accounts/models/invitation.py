"""An invitation to join an organisation: a link, of which only a digest is stored."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from accounts import scopes
from accounts.models.membership import Membership
from accounts.models.organisation import Organisation
from accounts.models.user import User
from api import ids


def new_invitation_id() -> str:
    return ids.new("inv")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def open(self) -> Self:
        """Those whose link still opens something."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())


class Invitation(models.Model):
    id = models.CharField(
        primary_key=True, max_length=40, default=new_invitation_id, editable=False
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Membership.Role.choices)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Invitation"]] = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="invited_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(role__in=sorted(scopes.OF_ROLE)), name="invited_role_is_known"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="used_or_revoked"
            ),
            models.UniqueConstraint(
                fields=["organisation", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_each",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"
