"""Changing and ending memberships, written down in the audit; an organisation keeps an owner."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AuditEntry, Membership, Organisation, User
from accounts.scopes import OF_ROLE
from api.errors import Forbidden, InvalidRequest, NotFound

LAST_OWNER = gettext_lazy(
    "This is the organisation's only owner. Make somebody else an owner first."
)


@transaction.atomic
def change_role(
    organisation_id: str, member_id: str, role: str, by: User, address: str | None = None
) -> Membership:
    """Raises NotFound, InvalidRequest (unknown role, last owner), Forbidden (above one's own).

    It bites on the next request of every key that the member made.
    """
    if role not in OF_ROLE:
        raise InvalidRequest(unknown_role(), param="role")
    member = _locked(organisation_id, member_id)
    _require_rank(organisation_id, by, member.role, role)
    if role != Membership.Role.OWNER:
        _require_another_owner(member)
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    _record(member, by, {"role": before}, {"role": role}, address)
    return member


@transaction.atomic
def remove(organisation_id: str, member_id: str, by: User, address: str | None = None) -> None:
    """End a membership, somebody else's or one's own; keys that the member made stop at once.

    Raises NotFound, InvalidRequest (the last owner), Forbidden (a rank above one's own).
    """
    member = _locked(organisation_id, member_id)
    if member.user_id != by.id:
        _require_rank(organisation_id, by, member.role)
    _require_another_owner(member)
    _record(member, by, {"role": member.role}, {"role": None}, address)
    member.delete()


def unknown_role() -> str:
    return _("A role is one of %(roles)s.") % {"roles": ", ".join(sorted(OF_ROLE))}


def is_last_owner(member: Membership) -> bool:
    owners = Membership.objects.for_organisation(member.organisation_id)
    others = owners.filter(role=Membership.Role.OWNER).exclude(pk=member.pk)
    return member.role == Membership.Role.OWNER and not others.exists()


def _locked(organisation_id: str, member_id: str) -> Membership:
    """Two owners cannot leave at the same moment: the organisation's row is locked first."""
    Organisation.objects.select_for_update().filter(pk=organisation_id).first()
    member = Membership.objects.for_organisation(organisation_id).filter(pk=member_id).first()
    if member is None:
        raise NotFound("No member has this id.", hint="List them with GET /v1/members.")
    return member


def _require_rank(organisation_id: str, by: User, *roles: str) -> None:
    own = Membership.objects.for_organisation(organisation_id).filter(user=by).first()
    held = own.scopes if own else frozenset()
    if "admin" not in held or any(not OF_ROLE[role] <= held for role in roles):
        raise Forbidden(_("Your own role does not cover this one."), param="role")


def _require_another_owner(member: Membership) -> None:
    if is_last_owner(member):
        raise InvalidRequest(str(LAST_OWNER), param="role")


def _record(
    member: Membership, by: User, before: object, after: object, address: str | None
) -> None:
    AuditEntry.objects.create(
        organisation_id=member.organisation_id, actor=by.id, action="membership.changed",
        target=member.user_id, before=before, after=after, address=address,
    )  # fmt: skip
