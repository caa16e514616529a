"""Inviting people into an organisation by a link: given once, used once, revocable."""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import members
from accounts.models import AuditEntry, Invitation, Membership, Organisation, User
from accounts.scopes import OF_ROLE
from api.errors import Forbidden, InvalidRequest, NotFound

LASTS: Final = timedelta(days=7)
MOST_OPEN: Final = 100
"""Open invitations of one organisation."""

_GONE: Final = gettext_lazy(
    "This invitation has expired, was used or was taken back. Ask for a new one."
)


@transaction.atomic
def invite(
    organisation: Organisation, email: str, role: str, by: User, address: str | None = None
) -> tuple[Invitation, str]:
    """An invitation and the token of its link, which nobody can read again.

    It takes the place of an open one to the same address, and ends with the membership of `by`.
    Raises InvalidRequest (no address, unknown role, already a member, too many), Forbidden
    (nobody hands on more than they have).
    """
    email = _clean(email)
    if role not in OF_ROLE:
        raise InvalidRequest(members.unknown_role(), param="role")
    if not OF_ROLE[role] <= _scopes_of(organisation.id, by):
        said = _("Your own role does not cover that of %(role)s.") % {"role": role}
        raise Forbidden(said, param="role")
    Organisation.objects.select_for_update().get(pk=organisation.pk)  # one open one for an address
    if Membership.objects.filter(organisation=organisation, user__email=email).exists():
        raise InvalidRequest(_("This address belongs to a member already."), param="email")
    mine = Invitation.objects.for_organisation(organisation.id).filter(
        accepted_at=None, revoked_at=None
    )
    mine.filter(email=email).update(revoked_at=Now())
    if mine.open().count() >= MOST_OPEN:
        said = _("At most %(most)d invitations can be open. Take some back.") % {"most": MOST_OPEN}
        raise InvalidRequest(said)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organisation=organisation, email=email, role=role, digest=_digest(token), invited_by=by,
        expires_at=Now() + LASTS,
    )  # fmt: skip
    invitation.refresh_from_db()
    _record(invitation, "invitation.created", by.id, address)
    return invitation, token


def find(token: str) -> Invitation:
    """The open invitation behind a link, while who sent it may. Raises NotFound."""
    found = Invitation.objects.open().filter(digest=_digest(token))
    invitation = found.select_related("organisation", "invited_by").first()
    if invitation is None or not _still_covered(invitation):
        raise NotFound(str(_GONE))
    return invitation


@transaction.atomic
def accept(token: str, user: User, address: str | None = None) -> Membership:
    """`user` becomes a member, once; the link is used up.

    Raises NotFound (used, revoked, expired), Forbidden (addressed to somebody else).
    """
    invitation = find(token)
    if user.email != invitation.email:
        said = _("This invitation is for %(email)s. Sign in with that address.")
        raise Forbidden(said % {"email": invitation.email})
    used = Invitation.objects.open().filter(pk=invitation.pk).update(accepted_at=Now())
    if not used:
        raise NotFound(str(_GONE))
    membership, _fresh = Membership.objects.get_or_create(
        organisation_id=invitation.organisation_id, user=user, defaults={"role": invitation.role}
    )
    _record(invitation, "invitation.accepted", user.id, address)
    return membership


@transaction.atomic
def revoke(
    organisation_id: str, invitation_id: str, by: User | None, address: str | None = None
) -> Invitation:
    """Its link opens nothing from now on; again is as good as once. Raises NotFound."""
    mine = Invitation.objects.for_organisation(organisation_id).filter(pk=invitation_id)
    invitation = mine.first()
    if invitation is None:
        raise NotFound("No invitation has this id.", hint="List them with GET /v1/invitations.")
    if mine.filter(accepted_at=None, revoked_at=None).update(revoked_at=Now()):
        _record(invitation, "invitation.revoked", by.id if by else "api key", address)
    invitation.refresh_from_db()
    return invitation


def _clean(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidRequest(_("This is no email address."), param="email") from error
    return email


def _scopes_of(organisation_id: str, user: User) -> frozenset[str]:
    member = Membership.objects.for_organisation(organisation_id).filter(user=user).first()
    return member.scopes if member else frozenset()


def _still_covered(invitation: Invitation) -> bool:
    """Who sent it may still hand this role on; who has deleted their account may nothing."""
    by = invitation.invited_by
    return by is not None and OF_ROLE[invitation.role] <= _scopes_of(invitation.organisation_id, by)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _record(invitation: Invitation, action: str, actor: str, address: str | None) -> None:
    """Without the address of the invited: the audit is for ever, they need not be."""
    AuditEntry.objects.create(
        organisation_id=invitation.organisation_id, actor=actor, action=action,
        target=invitation.id, after={"role": invitation.role}, address=address,
    )  # fmt: skip
