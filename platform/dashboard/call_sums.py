"""What a call was charged for: its tokens times their prices, line by line."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing import pricing
from billing.models import Hold


@dataclass(frozen=True, slots=True)
class Sum:
    """`usd`: of a million of these tokens; `nano`: nano-dollars of all."""

    tokens: int
    words: str
    usd: str
    nano: int


def of(hold: Hold) -> list[Sum]:
    """What was read, what of it was cached, what was written; the hold comes with its price."""
    price = pricing.Price(hold.price.input, hold.price.cached_input, hold.price.output)
    cached, written = hold.cached_tokens, hold.completion_tokens
    fresh = hold.prompt_tokens - cached
    parts = [(fresh, _("in at"), price.input, pricing.charge(price, fresh, 0, 0))]
    if cached:
        cost = pricing.charge(price, cached, cached, 0)
        parts.append((cached, _("cached at"), price.cached_input, cost))
    parts.append((written, _("out at"), price.output, pricing.charge(price, 0, 0, written)))
    return [
        Sum(tokens, words, pricing.usd_per_million(pico), nano)
        for tokens, words, pico, nano in parts
    ]
