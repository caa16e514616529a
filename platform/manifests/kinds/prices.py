"""Price: what a model costs from now on; for keys of the site's administrators."""

from django.db.models import QuerySet, Value
from django.db.models.functions import Concat, Now

from accounts.actor import Actor
from accounts.models import User
from api.errors import Forbidden, InvalidRequest
from billing import pricing
from billing.models import Price
from billing.serializers import NewPriceSerializer
from manifests.kind import Asked, Kind, Made, Spec


class Prices(Kind[Price]):
    name = "Price"
    about = "Dollars per million tokens of model/tier, from the moment it is applied."
    example = (
        "smarter-mini/standard", {"input": "0.010", "cached_input": "0.005", "output": "0.020"},
    )  # fmt: skip
    scopes = ("admin",)
    checks = NewPriceSerializer
    named = "model_and_tier"
    fields = ("input", "cached_input", "output")
    merges = False

    def require(self, actor: Actor) -> None:
        people = User.objects.filter(pk=actor.caller.user_id, is_superuser=True, is_active=True)
        if not people.exists() or "admin" not in actor.caller.scopes:
            raise Forbidden(
                "Prices are set with a key that an administrator of this site has made."
            )

    def rows(self, _actor: Actor) -> QuerySet[Price]:
        """Those in force."""
        named = Price.objects.annotate(model_and_tier=Concat("model", Value("/"), "tier"))
        past = named.filter(effective_from__lte=Now())
        return past.order_by("model", "tier", "-effective_from").distinct("model", "tier")

    def spec(self, row: Price) -> Spec:
        return {name: pricing.usd_per_million(getattr(row, name)) for name in self.fields}

    def status(self, row: Price) -> Spec:
        return {"id": row.id, "effective_from": row.effective_from.isoformat()}

    def write(self, asked: Asked[Price]) -> Made[Price]:
        model, _, tier = asked.manifest.name.rpartition("/")
        if not model or tier not in Price.Tier.values:
            raise asked.manifest.misnamed(
                "A price is named model/tier, such as smarter-mini/standard."
            )
        now = {name: getattr(asked.row, name) for name in self.fields} if asked.row else {}
        facts = {"model": model, "tier": tier, **now, **asked.fields}
        made = Price.objects.create(created_by=asked.actor.caller.user_id or "", **facts)
        asked.actor.record("price.created", made.id, after=facts)
        return Made(made)

    def delete(self, actor: Actor, row: Price) -> None:
        raise InvalidRequest("Prices are never deleted, only followed: apply a new one.")
