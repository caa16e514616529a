"""Closing what processes left behind when they died: holds, and claims of Idempotency-Keys."""

from dataclasses import dataclass

from django.db import connection, transaction

from accounts import idempotency
from billing.metrics import SWEPT
from billing.models import Hold

BATCH = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """How many lapsed holds were charged for what they had delivered, and how many were free."""

    charged: int
    voided: int


def sweep() -> Swept:
    """Close every open hold whose lease has lapsed; several sweepers share the work."""
    charged = voided = 0
    while True:
        paid, free = _sweep_batch()
        charged += len(paid)
        voided += len(free)
        if len(paid) + len(free) < BATCH:
            break
    SWEPT.inc(charged + voided)
    _end_old_claims()
    return Swept(charged, voided)


@transaction.atomic
def _sweep_batch() -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, charged FROM ledger_sweep(%s)", [BATCH])
        rows = cursor.fetchall()
    paid = [hold for hold, charged in rows if charged > 0]
    free = [hold for hold, charged in rows if charged == 0]
    idempotency.lose_many(paid)
    idempotency.release_many(free)
    return paid, free


def _end_old_claims() -> None:
    """A process can also die before its hold, or between giving it back and freeing the claim."""
    old = idempotency.running()
    holds = {hold.pk: hold for hold in Hold.objects.filter(pk__in=old)}
    still_open = {pk for pk, hold in holds.items() if hold.state == Hold.State.OPEN}
    paid = {pk for pk, hold in holds.items() if hold.charged > 0}
    idempotency.lose_many(sorted(paid))
    idempotency.release_many([pk for pk in old if pk not in paid | still_open])
    idempotency.prune()
