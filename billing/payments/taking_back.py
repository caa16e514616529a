"""Money that a provider gives back to a payer or their bank, told before or after the payment.

What calls hold at that moment cannot be taken, and is written off. They end soon; what they give
back is collected then.
"""

from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Sum
from django.db.models.query import QuerySet
from django.utils import timezone

from billing import adjusting
from billing.accounts import customer_account
from billing.models import Account, Entry, Hold, Journal, TakenBack, TopUp

LONGEST_CALL: Final = timedelta(days=1)
"""So long after it was taken back the calls of that moment have surely ended."""


@transaction.atomic
def take(provider: TopUp.Provider, event_ref: str, payment_ref: str, nano: int | None) -> None:
    """A refund of `nano`, or a dispute (None): once, now or as soon as the payment is known."""
    row = _known(event_ref, payment_ref, nano)
    paid = TopUp.objects.filter(provider=provider, ref=row.payment_ref)
    untouched = row.journal_id is None and not row.undone
    if untouched and (top_up := paid.select_related("journal").first()):
        _apply(row, top_up)


@transaction.atomic
def undo(event_ref: str, payment_ref: str, nano: int) -> None:
    """The refund came to nothing: what it took is given back, once; told before it, it takes
    nothing."""
    row = _known(event_ref, payment_ref, nano)
    fresh = TakenBack.objects.filter(pk=row.pk, undone=False).update(undone=True)
    if fresh and row.journal:
        adjusting.undo(row.journal, note="The refund failed at the payment provider")


def settle(top_up: TopUp) -> None:
    """What was told before this payment. In its transaction, after `wait_for`."""
    for row in TakenBack.objects.filter(payment_ref=top_up.ref, journal=None, undone=False):
        _apply(row, top_up)


def wait_for(payment_ref: str) -> None:
    """Until the transaction's end nobody else pays or takes back this payment: of two at once,
    neither would see the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"payment {payment_ref}"]
        )


def collect() -> int:
    """What running calls held when a payment was taken back, and did not use; in how many cases."""
    lately = TakenBack.objects.filter(
        created_at__gte=timezone.now() - LONGEST_CALL,
        journal__entries__account__kind=Account.Kind.WRITEOFF,
        undone=False,
    )
    journals = [row.journal for row in lately.select_related("journal__organisation")]
    return sum(_collect(journal) for journal in journals if journal)


@transaction.atomic
def _collect(journal: Journal) -> bool:
    if TakenBack.objects.select_for_update(of=("self",)).get(journal=journal).undone:
        return False
    account = customer_account(journal.organisation_id)
    account = Account.objects.select_for_update().get(pk=account.pk)
    held_then = Hold.objects.all().for_organisation(journal.organisation_id)
    held_then = held_then.filter(created_at__lt=journal.created_at)
    ended = held_then.filter(closed_at__gte=journal.created_at)
    given_back = int(ended.aggregate(total=Sum(F("amount") - F("charged")))["total"] or 0)
    written_off = -_sum(journal.entries.filter(account__kind=Account.Kind.WRITEOFF))
    collected = -_sum(Entry.objects.filter(journal__original=journal, account=account))
    due = min(given_back, written_off) - collected
    taken = min(due, max(0, account.available))
    if taken > 0:
        adjusting.adjust(
            journal.organisation, -taken, f"{journal.id}:{collected}", actor="system",
            note="Held by calls when a payment was taken back", original=journal,
        )  # fmt: skip
    return taken > 0


def _known(event_ref: str, payment_ref: str, nano: int | None) -> TakenBack:
    """Nobody else decides about this payment until the transaction's end."""
    wait_for(payment_ref)
    return TakenBack.objects.select_related("journal").get_or_create(
        pk=event_ref, defaults={"payment_ref": payment_ref, "amount": nano}
    )[0]


def _sum(entries: QuerySet[Entry]) -> int:
    return int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def _apply(row: TakenBack, top_up: TopUp) -> None:
    ref = f"{top_up.provider}:{row.pk}"
    if row.amount is None:
        row.journal = adjusting.charge_back(top_up.journal, ref, note="Disputed card payment")
    else:
        row.journal = adjusting.paid_back(top_up.journal, row.amount, ref)
    row.save(update_fields=["journal"])
