"""The low-balance line of an organisation: set it, tell its people once a crossing, show a banner.

The crossing itself is written by the database (sql/book.sql), once however many calls run.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts import webhooks
from billing import lines, mails
from billing.accounts import customer_account
from billing.lines import Line
from billing.models import Account, LowBalance
from billing.pricing import usd

EVENT: Final = "balance.low"
_LINE: Final = Line("low_balance", "alert.changed", _("The line is an amount above zero, or none."))


@dataclass(frozen=True, slots=True)
class Banner:
    """The balance (nano-dollars) is below the line that the organisation drew."""

    balance: int
    line: int
    since: datetime | None


def set_line(organisation_id: str, nano: int | None, by: str, address: str | None = None) -> None:
    """Tell us when the balance falls below `nano`; None: never. Raises InvalidRequest."""
    lines.draw(_LINE, organisation_id, nano, by, address)


def line_of(organisation_id: str) -> int | None:
    return customer_account(organisation_id).low_balance


def banner_of(organisation_id: str) -> Banner | None:
    """What to show on every page while the balance is below the line; one statement."""
    account = Account.objects.for_organisation(organisation_id).filter(kind="customer").first()
    if account is None or account.low_balance is None or account.balance >= account.low_balance:
        return None
    crossing = account.crossings.order_by("-crossed_at").first()
    return Banner(account.balance, account.low_balance, crossing.crossed_at if crossing else None)


def tell() -> int:
    """Mail and webhooks for the crossings that nobody has been told of; how many."""
    told = 0
    while _tell_one():
        told += 1
    return told


def _tell_one() -> bool:
    """Marked before it is mailed: a crash between the two loses a mail, never sends two."""
    with transaction.atomic():
        waiting = LowBalance.objects.filter(notified_at=None).order_by("crossed_at")
        crossing = (
            waiting.select_for_update(skip_locked=True, of=("self",))
            .select_related("account__organisation").first()
        )  # fmt: skip
        if crossing is None:
            return False
        LowBalance.objects.filter(pk=crossing.pk).update(notified_at=Now())
        account = crossing.account
        webhooks.emit(
            account.organisation_id,
            EVENT,
            {
                "balance": usd(crossing.balance),
                "balance_nano": crossing.balance,
                "line": usd(account.low_balance or 0),
                "line_nano": account.low_balance,
                "crossed_at": crossing.crossed_at.isoformat(),
            },
        )
    facts = {"balance": usd(crossing.balance), "line": usd(account.low_balance or 0)}
    mails.send(account.organisation, "low_balance", facts)
    return True
