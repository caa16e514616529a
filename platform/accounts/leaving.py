"""Deleting one's account: nothing personal stays, and what money must remember names nobody.

An organisation that others belong to needs another owner first. One that has nobody else is closed:
its data goes, its book stays under a name that says nothing.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import members
from accounts.models import APIKey, AuditEntry, Invitation, Membership, Organisation, User
from api.errors import InvalidRequest

closers: Final[list[Callable[[str], None]]] = []
"""Called with the id of an organisation that is closed, to erase what is known further up."""

CLOSED: Final = "Closed organisation"


def to_hand_over(user: User) -> list[Organisation]:
    """Organisations with other members and no other owner: the account cannot go before these."""
    return [m.organisation for m in _owned_alone(user) if _has_others(m)]


def to_close(user: User) -> list[Organisation]:
    """Organisations that have nobody else: they end with the account."""
    mine = Membership.objects.filter(user=user).select_related("organisation")
    return [member.organisation for member in mine if not _has_others(member)]


@transaction.atomic
def delete_account(user: User) -> None:
    """Raises InvalidRequest while an organisation would be left without an owner."""
    user = User.objects.select_for_update().get(pk=user.pk)
    if waiting := to_hand_over(user):
        names = ", ".join(organisation.name for organisation in waiting)
        said = _("Make somebody else an owner of %(teams)s first.") % {"teams": names}
        raise InvalidRequest(said)
    for organisation in to_close(user):
        close(organisation, by=user)
    _end_sessions(user)
    _let_go(user)
    Invitation.objects.filter(email=user.email).delete()
    LogEntry.objects.filter(object_id=user.pk).delete()  # the administration's own list of changes
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_forget(%s, %s, %s)", [user.id, user.email, user.name])
    user.delete()


@transaction.atomic
def close(organisation: Organisation, by: User) -> None:
    """Erase what it made; keep its book, its keys' ids and its audit, without names."""
    for erase in closers:
        erase(organisation.id)
    APIKey.objects.filter(organisation=organisation, revoked_at=None).update(revoked_at=Now())
    APIKey.objects.filter(organisation=organisation).update(
        name="Key", cidrs=[], last_used_from="", last_used_by=""
    )
    Membership.objects.filter(organisation=organisation).delete()
    Organisation.objects.filter(pk=organisation.pk).update(
        name=CLOSED, slug=organisation.id.replace("_", "-"), default_model=None, suspended_at=Now()
    )
    AuditEntry.objects.create(
        organisation=organisation, actor=by.id, action="organisation.closed",
        target=organisation.id,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_forget_name(%s, %s)", [organisation.id, organisation.name])


def _owned_alone(user: User) -> list[Membership]:
    owned = Membership.objects.filter(user=user, role=Membership.Role.OWNER)
    return [m for m in owned.select_related("organisation") if members.is_last_owner(m)]


def _has_others(member: Membership) -> bool:
    everybody = Membership.objects.for_organisation(member.organisation_id)
    return everybody.exclude(pk=member.pk).exists()


def _end_sessions(user: User) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for session in UserSession.objects.filter(user=user):
        store.delete(session.session_key)


def _let_go(user: User) -> None:
    """Keys that they made stop for good, and invitations; what else names them by a protected link
    names nobody."""
    sent = Invitation.objects.filter(invited_by=user, accepted_at=None, revoked_at=None)
    sent.update(revoked_at=Now())
    APIKey.objects.filter(created_by=user, revoked_at=None).update(revoked_at=Now())
    APIKey.objects.filter(created_by=user).update(last_used_from="", last_used_by="")
    for relation in User._meta.related_objects:  # noqa: SLF001 - Django's documented way to ask
        if relation.on_delete is models.PROTECT and relation.field.null:
            rows = relation.related_model._base_manager  # noqa: SLF001 - as above
            rows.filter(**{relation.field.name: user}).update(**{relation.field.name: None})
