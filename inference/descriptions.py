"""What the catalog tells a tenant of its models: status, window, prices, other names."""

from dataclasses import dataclass

from billing import pricing
from inference import prices
from inference.catalog import not_found
from inference.engines import wellness
from inference.models import ModelAlias, ServedModel

UNAVAILABLE = "unavailable"  # installed, but nobody answers where it is served


@dataclass(frozen=True, slots=True)
class Pricing:
    """USD per million tokens, as exact decimal strings."""

    input: str
    cached_input: str
    output: str


@dataclass(frozen=True, slots=True)
class Description:
    """One row. A call of a name with `alias_of` reaches that model instead of this row."""

    id: str
    created: int
    owned_by: str
    status: str
    context_window: int
    default_max_output: int
    capabilities: list[str]
    provider: str
    best_for: str
    parameters: int | None
    pricing: Pricing | None
    aliases: list[str]
    alias_of: str | None


def of_all(organisation_id: str) -> list[Description]:
    """Every row that the organisation may see, installed or not."""
    rows = list(ServedModel.objects.visible_to(organisation_id))
    wellness.ask_all(row.engine for row in rows)
    ids = [row.id for row in rows]
    costs = prices.in_force(ids)
    meaning = dict(ModelAlias.objects.filter(model__in=ids).values_list("name", "model_id"))
    return [_describe(row, costs.get(row.id), meaning) for row in rows]


def of_one(name: str, organisation_id: str) -> Description:
    """The row behind an id or an alias. Raises ModelNotFound."""
    rows = of_all(organisation_id)
    by_name = {row.id: row for row in rows} | {name: row for row in rows for name in row.aliases}
    if name not in by_name:
        raise not_found(name)
    return by_name[name]


def _describe(row: ServedModel, cost: pricing.Price | None, meaning: dict[str, str]) -> Description:
    return Description(
        id=row.id,
        created=int(row.created_at.timestamp()),
        owned_by=row.owned_by,
        status=_status(row),
        context_window=row.context_window,
        default_max_output=row.default_max_output,
        capabilities=row.capabilities,
        provider=row.provider,
        best_for=row.best_for,
        parameters=row.parameters,
        pricing=_in_usd(cost) if cost else None,
        aliases=sorted(name for name, model_id in meaning.items() if model_id == row.id),
        alias_of=meaning.get(row.id),
    )


def _status(row: ServedModel) -> str:
    """As the catalog has it; of what is served elsewhere, whether anybody answers there now."""
    if row.state == ServedModel.State.INSTALLED and not wellness.any_answers(row.engine):
        return UNAVAILABLE
    return row.state


def _in_usd(cost: pricing.Price) -> Pricing:
    return Pricing(
        input=pricing.usd_per_million(cost.input),
        cached_input=pricing.usd_per_million(cost.cached_input),
        output=pricing.usd_per_million(cost.output),
    )
