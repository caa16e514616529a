"""The spending cap of an organisation: what all of its calls may cost in a UTC month, at most.

The database refuses what would pass it (sql/hold.sql), in the statement that holds the money, so
that no two calls can pass it together. Here it is set, and told of at four fifths.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEntry
from api.errors import InvalidRequest
from billing import mails
from billing.accounts import customer_account
from billing.models import Account
from billing.pricing import usd

NEAR: Final = (4, 5)
"""The share of a cap, as a fraction, from which on people are told."""
_LARGEST: Final = 1_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Cap:
    """Nano-dollars; `held` is promised to calls that run now, and counts."""

    limit: int
    spent: int
    held: int

    @property
    def share(self) -> float:
        return min((self.spent + self.held) / self.limit, 1.0)

    @property
    def is_near(self) -> bool:
        return (self.spent + self.held) * NEAR[1] >= self.limit * NEAR[0]


def of(account: Account) -> Cap | None:
    if account.spending_cap is None:
        return None
    return Cap(account.spending_cap, account.spent_this_month, account.held_this_month)


def set_cap(organisation_id: str, nano: int | None, by: str, address: str | None = None) -> None:
    """None: no cap. It counts from the next call on, with all that the month has cost before.

    Raises InvalidRequest.
    """
    if nano is not None and not 0 < nano <= _LARGEST:
        raise InvalidRequest("The cap is an amount above zero, or none.", param="spending_cap")
    account = customer_account(organisation_id)
    if account.spending_cap == nano:
        return
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(spending_cap=nano, cap_told_at=None)
        AuditEntry.objects.create(
            organisation_id=organisation_id, actor=by, action="spending_cap.changed",
            target=str(account.pk), before={"spending_cap": _said(account.spending_cap)},
            after={"spending_cap": _said(nano)}, address=address,
        )  # fmt: skip


def tell() -> int:
    """Mail those whose month has come near its cap, once a month; how many."""
    told = 0
    while _tell_one():
        told += 1
    return told


def recount() -> None:
    """Sum the running month again from the holds: for holds that no call has made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_recount_month()")


def _tell_one() -> bool:
    """Marked before it is mailed: a crash between the two loses a mail, never sends two."""
    now = timezone.now()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    near = Account.objects.filter(
        spending_cap__isnull=False,
        month_starts_at=month,
        month_spent__gte=F("spending_cap") * NEAR[0] / NEAR[1],
    ).exclude(cap_told_at__gte=month)
    with transaction.atomic():
        waiting = near.select_for_update(skip_locked=True, of=("self",))
        account = waiting.select_related("organisation").first()
        if account is None:
            return False
        Account.objects.filter(pk=account.pk).update(cap_told_at=now)
    facts = {"spent": usd(account.month_spent), "cap": usd(account.spending_cap or 0)}
    mails.send(account.organisation, "spending_cap", facts)
    return True


def _said(nano: int | None) -> str | None:
    return None if nano is None else usd(nano)
