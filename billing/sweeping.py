"""Closing the holds of processes that died, at the last second they told of."""

from dataclasses import dataclass

from django.db import connection, transaction

from accounts import idempotency
from billing.metrics import SWEPT

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
