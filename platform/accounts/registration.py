"""A new organisation with its owner: founded in the browser, or with a first key for a command."""

import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from accounts import keys, names, scopes
from accounts.models import AuditEntry, Membership, Organisation, User

newcomers: Final[list[Callable[[Organisation], object]]] = []
"""Called with every organisation that is founded in the browser, in the same transaction.

What a newcomer gets is known further up the tower: who gives something adds itself when Django is
ready.
"""


class Registration(NamedTuple):
    """What was made; the password (null: the owner existed before) and the key show only now."""

    organisation: Organisation
    user: User
    password: str | None
    api_key: str


@transaction.atomic
def found_organisation(name: str, owner: User, address: str | None = None) -> Organisation:
    """Somebody who has signed up, as the owner of a new organisation."""
    organisation = _create(name, owner)
    AuditEntry.objects.create(
        organisation=organisation, actor=owner.id, action="organisation.created",
        target=organisation.id, after={"name": organisation.name}, address=address,
    )  # fmt: skip
    for welcome in newcomers:
        welcome(organisation)
    return organisation


@transaction.atomic
def create_organisation(
    name: str,
    owner_email: str | None = None,
    password: str | None = None,
    *,
    requests_per_minute: int = 60,
    tokens_per_minute: int = 150_000,
    is_administrator: bool = False,
) -> Registration:
    """An organisation, its owner (an existing user keeps their password), a key with all scopes.

    Without an address the owner gets one under example.com; without a password, a random one.
    Raises django.core.exceptions.ValidationError for a name that is none.
    """
    names.require_name(name)
    slug = _free_slug(name.strip())
    email = (owner_email or f"owner@{slug}.example.com").strip().lower()
    user = User.objects.filter(email=email).first()
    if user is not None:
        password = None
    else:
        password = password or secrets.token_urlsafe(12)
        user = User.objects.create_user(
            email, password, is_staff=is_administrator, is_superuser=is_administrator
        )
        # Who runs commands here vouches for the address.
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    organisation = _create(name, user, slug)
    key, plaintext = keys.issue(
        organisation.id,
        name="First key",
        scopes=sorted(scopes.ALL),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        created_by=user,
    )
    AuditEntry.objects.create(
        organisation=organisation,
        actor="command line",
        action="organisation.created",
        target=organisation.id,
        after={"name": organisation.name, "owner": user.id, "key": key.id},
    )
    return Registration(organisation, user, password, plaintext)


def _create(name: str, owner: User, slug: str | None = None) -> Organisation:
    name = name.strip()
    organisation = Organisation.objects.create(name=name, slug=slug or _free_slug(name))
    Membership.objects.create(organisation=organisation, user=owner, role=Membership.Role.OWNER)
    return organisation


def _free_slug(name: str) -> str:
    """The name as a slug; with a few random digits when that one is taken."""
    slug = slugify(name)[:50] or "organisation"
    if Organisation.objects.filter(slug=slug).exists():
        return f"{slug}-{secrets.token_hex(4)}"
    return slug
