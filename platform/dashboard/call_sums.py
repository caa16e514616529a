"""What a call was charged for: tokens times their prices, in lines that add up to the charge."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing import pricing
from billing.models import Hold


@dataclass(frozen=True, slots=True)
class Sum:
    """`usd`: of a million of these tokens, empty in a line of no tokens; `nano`: nano-dollars."""

    tokens: int
    words: str
    usd: str
    nano: int


def of(hold: Hold) -> list[Sum]:
    """What was read, what of it was cached, what was written, what was forgiven; nothing while it
    runs. The hold comes with its price.

    A charge is rounded up once: each line is what the charge grows by with it.
    """
    if hold.state == Hold.State.OPEN:
        return []
    price = pricing.Price(hold.price.input, hold.price.cached_input, hold.price.output)
    cached, written = hold.cached_tokens, hold.completion_tokens
    fresh = hold.prompt_tokens - cached
    read_fresh = pricing.charge(price, fresh, 0, 0)
    read = pricing.charge(price, hold.prompt_tokens, cached, 0)
    owed = pricing.charge(price, hold.prompt_tokens, cached, written)
    lines = [_line(fresh, _("in at"), price.input, read_fresh)]
    if cached:
        lines.append(_line(cached, _("cached at"), price.cached_input, read - read_fresh))
    lines.append(_line(written, _("out at"), price.output, owed - read))
    if forgiven := owed - hold.charged:
        lines.append(Sum(0, _("Forgiven"), "", -forgiven))
    return lines


def _line(tokens: int, words: str, pico: int, nano: int) -> Sum:
    return Sum(tokens, words, pricing.usd_per_million(pico), nano)
