"""The customer's side of the book: movements with the running balance, sums of a period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, Sum

from billing.models import Account, Journal


def lines(organisation_id: str) -> QuerySet[Journal]:
    """Journals that moved the balance, with `line` (their order), `amount`, `balance_after`."""
    return (
        Journal.objects.filter(
            organisation_id=organisation_id, entries__account__kind=Account.Kind.CUSTOMER
        )
        .annotate(
            line=F("entries__id"),
            amount=F("entries__amount"),
            balance_after=F("entries__balance_after"),
        )
        .select_related("hold")
        .order_by("line")
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """Nano-dollars: opening + everything in `totals` = closing."""

    opening: int
    totals: Mapping[str, int]  # by journal kind
    closing: int


def statement(organisation_id: str, since: datetime, until: datetime) -> Statement:
    """The half-open period [since, until) of an organisation."""
    before = lines(organisation_id).filter(created_at__lt=since)
    opening = before.order_by().aggregate(total=Sum("amount"))["total"] or 0
    within = lines(organisation_id).filter(created_at__gte=since, created_at__lt=until)
    sums = within.order_by().values_list("kind").annotate(total=Sum("amount"))
    totals = {kind: int(total) for kind, total in sums}
    return Statement(int(opening), totals, int(opening) + sum(totals.values()))
