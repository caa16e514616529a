"""What a new team begins with: its starter credit, and how many short answers that is."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings

from accounts.models import Organisation
from billing import pricing
from billing.models import TopUp
from inference import catalog, prices

SHORT_ANSWER: Final = (1_900, 50)
"""Tokens in and out: a question, what was said before it and some knowledge; two sentences."""


@dataclass(frozen=True, slots=True)
class Starter:
    """Nano-dollars; `answers` is None where the model has no price."""

    amount: int
    model: str
    answers: int | None


def of(organisation: Organisation) -> Starter | None:
    given = TopUp.objects.all().for_organisation(organisation.id)
    credit = given.filter(provider=TopUp.Provider.STARTER).first()
    if credit is None:
        return None
    model = organisation.default_model or catalog.DEFAULT_MODEL
    return Starter(credit.amount, model, _answers(credit.amount, model))


def promised() -> Starter | None:
    """To a team that is yet to come."""
    amount, model = settings.STARTER_CREDIT_NANO, catalog.DEFAULT_MODEL
    return Starter(amount, model, _answers(amount, model)) if amount else None


def _answers(amount: int, model: str) -> int | None:
    price = prices.in_force([model]).get(model)
    prompt, completion = SHORT_ANSWER
    each = pricing.charge(price, prompt, 0, completion) if price else 0
    return _roughly(amount // each) if each else None


def _roughly(number: int) -> int:
    """Its first digit, and nothing for the others: 8,130 is about 8,000."""
    step: int = 10 ** (len(str(number)) - 1)
    return number // step * step
