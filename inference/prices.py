"""What the models of the catalog cost now, and setting it."""

from collections.abc import Iterable

from django.db.models.functions import Now

from billing import pricing
from billing.models import Price


def in_force(model_ids: Iterable[str]) -> dict[str, pricing.Price]:
    """The standard price of each model that has one, in one query."""
    newest = (
        Price.objects.filter(
            model__in=list(model_ids), tier=Price.Tier.STANDARD, effective_from__lte=Now()
        )
        .order_by("model", "-effective_from")
        .distinct("model")
    )
    return {row.model: pricing.Price(row.input, row.cached_input, row.output) for row in newest}


def set_price(model_id: str, price: pricing.Price, actor: str = "system") -> None:
    """From now on; calls that run already keep theirs. No new row when nothing changes."""
    if in_force([model_id]).get(model_id) != price:
        Price.objects.create(
            model=model_id,
            input=price.input,
            cached_input=price.cached_input,
            output=price.output,
            created_by=actor,
        )
