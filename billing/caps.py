"""The spending cap of an organisation: what all of its calls may cost in a UTC month, at most.

The database refuses what would pass it (sql/hold.sql), in the statement that holds the money, so
that no two calls can pass it together. Here it is set, and told of: at four fifths, and when it is
reached. It is reached when calls are refused for it; hardly ever do their costs sum to it exactly.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import webhooks
from billing import lines, mails
from billing.lines import Line
from billing.models import Account
from billing.models.account import this_month
from billing.pricing import usd

NEAR: Final = (4, 5)
"""The share of a cap, as a fraction, from which on people are told."""
_CAP: Final = Line(
    "spending_cap",
    "spending_cap.changed",
    _("The cap is an amount above zero, or none."),
    begins_anew=("cap_refused_at", "cap_told_at", "cap_refusal_told_at"),
)


@dataclass(frozen=True, slots=True)
class Cap:
    """Nano-dollars; `held` is promised to calls that run now, and counts."""

    limit: int
    spent: int
    held: int
    has_refused: bool

    @property
    def share(self) -> float:
        return min((self.spent + self.held) / self.limit, 1.0)

    @property
    def is_near(self) -> bool:
        return (self.spent + self.held) * NEAR[1] >= self.limit * NEAR[0]

    @property
    def is_reached(self) -> bool:
        """One huge call that does not fit is refused, too, while there is room for others."""
        return self.spent >= self.limit or (self.has_refused and self.is_near)


@dataclass(frozen=True, slots=True)
class _Line:
    """What people are told of once a month: its event, its mail, and where that is noted."""

    event: str
    mail: str
    noted: tuple[str, ...]


_REACHED: Final = _Line("cap.reached", "cap_reached", ("cap_refusal_told_at", "cap_told_at"))
_NEAR: Final = _Line("cap.near", "cap_near", ("cap_told_at",))


def of(account: Account) -> Cap | None:
    if account.spending_cap is None:
        return None
    return Cap(
        account.spending_cap,
        account.spent_this_month,
        account.held_this_month,
        account.was_refused_this_month,
    )


def set_cap(organisation_id: str, nano: int | None, by: str, address: str | None = None) -> None:
    """None: no cap. It counts from the next call on, with all that the month has cost before.

    Raises InvalidRequest.
    """
    lines.draw(_CAP, organisation_id, nano, by, address)


def tell() -> int:
    """Mails and webhooks for those whose month came near its cap or reached it, once a month each;
    how many. Who has reached it is not told that it is near."""
    told = 0
    for line in (_REACHED, _NEAR):
        while _tell_one(line):
            told += 1
    return told


def recount() -> None:
    """Sum the running month again from the holds: for holds that no call has made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_recount_month()")


def _tell_one(line: _Line) -> bool:
    """Marked before it is mailed: a crash between the two loses a mail, never sends two."""
    month = this_month()
    crossed = Account.objects.filter(
        spending_cap__isnull=False,
        month_starts_at=month,
        month_spent__gte=F("spending_cap") * NEAR[0] / NEAR[1],
    ).exclude(**{f"{line.noted[0]}__gte": month})
    if line is _REACHED:
        crossed = crossed.filter(
            Q(cap_refused_at__gte=month) | Q(month_spent__gte=F("spending_cap"))
        )
    with transaction.atomic():
        waiting = crossed.select_for_update(skip_locked=True, of=("self",))
        account = waiting.select_related("organisation").first()
        if account is None:
            return False
        Account.objects.filter(pk=account.pk).update(**dict.fromkeys(line.noted, timezone.now()))
        spent, cap = account.month_spent, account.spending_cap or 0
        facts = {"spent": usd(spent), "cap": usd(cap)}
        nano = {"spent_nano": spent, "cap_nano": cap}
        webhooks.emit(
            account.organisation_id, line.event, {**facts, **nano, "month": f"{month:%Y-%m}"}
        )
    mails.send(account.organisation, line.mail, facts)
    return True
