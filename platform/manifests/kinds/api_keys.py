"""APIKey: a key by its name; the key itself is shown when it is created, once."""

from typing import Any

from accounts import keys
from accounts.actor import Actor
from accounts.models import APIKey
from accounts.serializers import APIKeyChangeSerializer, APIKeyCreateSerializer, APIKeySerializer
from api.errors import InvalidRequest
from manifests.kinds import schemas
from manifests.kinds.base import Kind, Made, Spec, checked
from manifests.reading import Manifest

FIELDS = (
    "kind", "scopes", "allowed_models", "cidrs", "requests_per_minute", "tokens_per_minute",
    "budget", "budget_period", "expires_at",
)  # fmt: skip


def _usable(actor: Actor) -> Any:
    """Keys that can be called with and are no rotation's past."""
    own = APIKey.objects.for_organisation(actor.caller.organisation_id)
    return own.usable().filter(replaced_by=None)


def _find(actor: Actor, name: str) -> APIKey | None:
    found = list(_usable(actor).filter(name=name)[:2])
    if len(found) > 1:
        raise InvalidRequest(f"Two keys are called {name}. Give one another name.")
    return found[0] if found else None


def _create(actor: Actor, manifest: Manifest) -> Made:
    given = {**manifest.spec, "name": manifest.name}
    key, plaintext = keys.create(actor, checked(manifest, APIKeyCreateSerializer, given))
    return Made(key, {"key": plaintext})


def _change(actor: Actor, key: APIKey, manifest: Manifest) -> Made:
    now = _spec(key)
    if manifest.spec.get("kind", now["kind"]) != now["kind"]:
        raise manifest.wrong("The kind of a key does not change. Make a new one.", "kind")
    wanted = {name: value for name, value in manifest.spec.items() if now.get(name) != value}
    if "budget" in wanted or "budget_period" in wanted:
        wanted = {"budget": now["budget"], "budget_period": now["budget_period"], **wanted}
    fields = checked(manifest, APIKeyChangeSerializer, wanted)
    return Made(keys.change(actor, key.id, fields) if fields else key)


def _delete(actor: Actor, key: APIKey) -> None:
    keys.revoke(actor, key.id)


def _spec(key: APIKey) -> Spec:
    shown = APIKeySerializer(key).data
    return {name: shown[name] for name in FIELDS}


KIND = Kind(
    name="APIKey",
    rank=3,
    about="A key of the API; deleting it revokes it.",
    example_name="for the shop",
    example={"scopes": ["inference"], "budget": "5.00", "budget_period": "month"},
    schema=lambda: schemas.of(APIKeyCreateSerializer),
    require=lambda actor: actor.caller.require("keys:write"),
    find=_find,
    names=lambda actor: sorted(set(_usable(actor).values_list("name", flat=True))),
    spec=_spec,
    status=lambda key: {"id": key.id, "redacted": key.redacted},
    create=_create,
    change=_change,
    delete=_delete,
)
