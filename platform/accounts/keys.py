"""Issuing, changing, rotating and revoking API keys, each written down in the audit.

A key hands on no more than it has itself: neither scopes nor models, limits, addresses or time. So
no chain of keys climbs above the person at its beginning.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Least, Now
from django.utils.translation import gettext as _

from accounts import key_material
from accounts.actor import Actor
from accounts.models import APIKey
from accounts.models.api_key import APIKeyQuerySet
from api import addresses
from api.errors import Forbidden, InvalidRequest, NotFound

MOST_KEYS: Final = 500
"""Usable keys of one organisation."""

_INHERITED: Final = (
    "allowed_models", "cidrs", "requests_per_minute", "tokens_per_minute", "expires_at",
)  # fmt: skip
_FACTS: Final = ("name", "kind", "scopes", *_INHERITED, "budget_nano", "budget_period")


def issue(organisation_id: str, **fields: Any) -> tuple[APIKey, str]:
    """A key and its plaintext, which nobody can read again; no questions asked."""
    publishable = fields.get("kind") == APIKey.Kind.PUBLISHABLE
    material = key_material.generate(
        key_material.PUBLISHABLE if publishable else key_material.SECRET
    )
    key = APIKey.objects.create(
        organisation_id=organisation_id,
        digest=material.digest,
        prefix=material.prefix,
        last4=material.last4,
        **fields,
    )
    return key, material.plaintext


def find(actor: Actor, key_id: str, among: APIKeyQuerySet | None = None) -> APIKey:
    """A key of the caller's organisation; a stranger's is as unknown as one that never was."""
    rows = among if among is not None else APIKey.objects.all()
    key = rows.for_organisation(actor.caller.organisation_id).filter(pk=key_id).first()
    if key is None:
        raise NotFound("No API key has this id.", hint="List yours with GET /v1/api_keys.")
    return key


@transaction.atomic
def create(actor: Actor, fields: Mapping[str, Any]) -> tuple[APIKey, str]:
    """What `fields` leave out is as on the key that asks."""
    caller = actor.caller
    _refuse_too_many(caller.organisation_id)
    given = {**_inherited(actor), **fields}
    if given.get("kind") == APIKey.Kind.PUBLISHABLE:
        given["scopes"] = []
    _refuse_wider(actor, APIKey(**given))
    key, plaintext = issue(caller.organisation_id, created_by_id=caller.user_id, **given)
    actor.record("api_key.created", key.id, after=_facts(key))
    return key, plaintext


@transaction.atomic
def change(actor: Actor, key_id: str, fields: Mapping[str, Any]) -> APIKey:
    key = _current(actor, key_id)
    _refuse_wider(actor, key)
    before = _facts(key)
    for name, value in fields.items():
        setattr(key, name, value)
    if key.kind == APIKey.Kind.PUBLISHABLE and key.scopes:
        raise InvalidRequest(_("A publishable key has no scopes."), param="scopes")
    _refuse_wider(actor, key)
    key.save(update_fields=list(fields))
    actor.record("api_key.changed", key.id, before=before, after=_facts(key))
    return key


@transaction.atomic
def rotate(actor: Actor, key_id: str, grace: timedelta) -> tuple[APIKey, str]:
    """A successor that may do the same; the old key goes on for `grace`, and not a second more.

    Both count on one meter: a rotation renews neither the budget nor the minute's limits.
    """
    old = _current(actor, key_id)
    _refuse_wider(actor, old)
    fields = {name: getattr(old, name) for name in _FACTS}
    key, plaintext = issue(
        old.organisation_id,
        created_by_id=actor.caller.user_id,
        origin_id=old.meter_id,
        **fields,
    )
    APIKey.objects.filter(pk=old.pk).update(
        replaced_by=key,
        expires_at=Least("expires_at", Now() + grace),  # Postgres: null is not least
    )
    actor.record("api_key.rotated", old.id, after={"replaced_by": key.id})
    return key, plaintext


@transaction.atomic
def revoke(actor: Actor, key_id: str) -> APIKey:
    """From the next request on; revoking twice is as good as once."""
    key = _locked(actor, key_id)
    if not actor.caller.scopes >= set(key.scopes):
        raise Forbidden(_("This key may do more than yours, so yours cannot revoke it."))
    if key.revoked_at is None:
        APIKey.objects.filter(pk=key.pk).update(revoked_at=Now())
        key.refresh_from_db(fields=["revoked_at"])
        actor.record("api_key.revoked", key.id)
    return key


def _locked(actor: Actor, key_id: str) -> APIKey:
    return find(actor, key_id, APIKey.objects.select_for_update())


def _current(actor: Actor, key_id: str) -> APIKey:
    """The key, locked; nothing gives one that has ended its life back."""
    key = _locked(actor, key_id)
    if key.replaced_by_id or not APIKey.objects.usable().filter(pk=key.pk).exists():
        raise InvalidRequest(_("This key is revoked, expired or already rotated. Make a new one."))
    return key


def _own(actor: Actor) -> APIKey:
    """The key that asks; a member in the browser has none, and is bound by their role alone."""
    if not actor.caller.key_id:
        limits = actor.caller.limits
        return APIKey(
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
        )
    return APIKey.objects.get(pk=actor.caller.key_id)


def _inherited(actor: Actor) -> dict[str, Any]:
    own = _own(actor)
    return {
        "scopes": sorted(actor.caller.scopes),
        **{name: getattr(own, name) for name in _INHERITED},
    }


def _refuse_wider(actor: Actor, wanted: APIKey) -> None:
    """Raises Forbidden, naming the parameter, where `wanted` may do more than the key that asks."""
    own = _own(actor)
    wider = {
        "scopes": not actor.caller.scopes >= set(wanted.scopes),
        "requests_per_minute": wanted.requests_per_minute > own.requests_per_minute,
        "tokens_per_minute": wanted.tokens_per_minute > own.tokens_per_minute,
        "allowed_models": _is_wider(wanted.allowed_models, own.allowed_models),
        "expires_at": own.expires_at is not None
        and (wanted.expires_at is None or wanted.expires_at > own.expires_at),
        "cidrs": bool(own.cidrs)
        and not (wanted.cidrs and all(_is_inside(cidr, own.cidrs) for cidr in wanted.cidrs)),
    }
    if param := next((name for name, is_wider in wider.items() if is_wider), None):
        said = _("The %(param)s asked for go beyond those of the key that asks.")
        raise Forbidden(said % {"param": param}, param=param)
    if own.budget_nano is not None:
        raise Forbidden(
            _("A key with a budget cannot make or change keys: budgets would multiply.")
        )


def _is_wider(wanted: list[str] | None, own: list[str] | None) -> bool:
    return own is not None and (wanted is None or not set(wanted) <= set(own))


def _is_inside(cidr: str, around: list[str]) -> bool:
    inner = addresses.network(cidr)
    return any(
        inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type] # same version, which mypy cannot see
        for outer in map(addresses.network, around)
    )


def _refuse_too_many(organisation_id: str) -> None:
    if APIKey.objects.for_organisation(organisation_id).usable().count() >= MOST_KEYS:
        said = _("An organisation has up to %(most)d usable keys. Revoke some.")
        raise InvalidRequest(said % {"most": MOST_KEYS})


def _facts(key: APIKey) -> dict[str, Any]:
    """What the audit shows of a key."""
    return {name: getattr(key, name) for name in _FACTS}
