"""Price: what a model costs from now on; for keys of the site's administrators."""

from typing import Any

from django.db.models.functions import Now
from rest_framework import serializers

from accounts.actor import Actor
from accounts.models import User
from accounts.serializers import StrictSerializer
from api.errors import Forbidden, InvalidRequest
from billing import pricing
from billing.models import Price
from manifests.kinds import schemas
from manifests.kinds.base import Kind, Made, Spec, checked
from manifests.reading import Manifest

RATES = ("input", "cached_input", "output")


class PricePerMillionField(serializers.Field[int, str, str, int]):
    """Pico-dollars per token inside, US dollars per million tokens outside, as an exact string."""

    def to_representation(self, value: int) -> str:
        return pricing.usd_per_million(value)

    def to_internal_value(self, data: str) -> int:
        try:
            return pricing.price_per_million(str(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class PriceSpecSerializer(StrictSerializer):
    """US dollars per million tokens."""

    input = PricePerMillionField()
    cached_input = PricePerMillionField(required=False)
    output = PricePerMillionField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.setdefault("cached_input", attrs["input"]) > attrs["input"]:
            raise serializers.ValidationError({"cached_input": "Not more than input."})
        return attrs


def _require(actor: Actor) -> None:
    people = User.objects.filter(pk=actor.caller.user_id, is_superuser=True, is_active=True)
    if not people.exists() or "admin" not in actor.caller.scopes:
        raise Forbidden("Prices are set with a key that an administrator of this site has made.")


def _find(_actor: Actor, name: str) -> Price | None:
    model, _, tier = name.rpartition("/")
    known = Price.objects.filter(model=model, tier=tier, effective_from__lte=Now())
    return known.order_by("-effective_from").first()


def _write(actor: Actor, row: Price | None, manifest: Manifest) -> Made:
    model, _, tier = manifest.name.rpartition("/")
    if not model or tier not in Price.Tier.values:
        raise manifest.wrong("A price is named model/tier, such as smarter-mini/standard.")
    rates = checked(manifest, PriceSpecSerializer, dict(manifest.spec))
    if row is not None and all(getattr(row, name) == rates[name] for name in RATES):
        return Made(row)
    made = Price.objects.create(
        model=model, tier=tier, created_by=actor.caller.user_id or "", **rates
    )
    actor.record("price.created", made.id, after={"model": model, "tier": tier, **rates})
    return Made(made)


def _delete(_actor: Actor, _row: Price) -> None:
    raise InvalidRequest("Prices are never deleted, only followed: apply a new one.")


def _spec(row: Price) -> Spec:
    return {name: pricing.usd_per_million(getattr(row, name)) for name in RATES}


def _names(_actor: Actor) -> list[str]:
    known = Price.objects.values_list("model", "tier").order_by().distinct()
    return sorted(f"{model}/{tier}" for model, tier in known)


KIND = Kind(
    name="Price",
    rank=0,
    about="Dollars per million tokens of model/tier, from the moment it is applied.",
    example_name="smarter-mini/standard",
    example={"input": "0.010", "cached_input": "0.005", "output": "0.020"},
    schema=lambda: schemas.of(PriceSpecSerializer),
    require=_require,
    find=_find,
    names=_names,
    spec=_spec,
    status=lambda row: {"id": row.id, "effective_from": row.effective_from.isoformat()},
    create=lambda actor, manifest: _write(actor, None, manifest),
    change=_write,
    delete=_delete,
)
