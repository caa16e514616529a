"""Money that a provider gives back to a payer or their bank, told before or after the payment."""

from django.db import connection, transaction

from billing import adjusting
from billing.models import TakenBack, TopUp


@transaction.atomic
def take(provider: TopUp.Provider, event_ref: str, payment_ref: str, nano: int | None) -> None:
    """A refund of `nano`, or a dispute (None): once, now or as soon as the payment is known."""
    wait_for(payment_ref)
    row, _fresh = TakenBack.objects.get_or_create(
        pk=event_ref, defaults={"payment_ref": payment_ref, "amount": nano}
    )
    paid = TopUp.objects.filter(provider=provider, ref=row.payment_ref)
    if row.journal_id is None and (top_up := paid.select_related("journal").first()):
        _apply(row, top_up)


def settle(top_up: TopUp) -> None:
    """What was told before this payment. In its transaction, after `wait_for`."""
    for row in TakenBack.objects.filter(payment_ref=top_up.ref, journal=None):
        _apply(row, top_up)


def wait_for(payment_ref: str) -> None:
    """Until the transaction's end nobody else pays or takes back this payment: of two at once,
    neither would see the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"payment {payment_ref}"]
        )


def _apply(row: TakenBack, top_up: TopUp) -> None:
    ref = f"{top_up.provider}:{row.pk}"
    if row.amount is None:
        row.journal = adjusting.charge_back(top_up.journal, ref, note="Disputed card payment")
    else:
        row.journal = adjusting.paid_back(top_up.journal, row.amount, ref)
    row.save(update_fields=["journal"])
