"""How much is left, and how long it lasts at the pace of the last week."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from django.utils import timezone

from billing import caps, usage
from billing.accounts import customer_account
from billing.caps import Cap
from billing.models import Account, AutoTopUp
from dashboard import money

HORIZON: Final = 90
"""Days on the ruler."""
WEEK: Final = 7
YEAR: Final = 365
LOW_DAYS: Final = 7
MUCH: Final = 10_000 * 10**9


@dataclass(frozen=True, slots=True)
class Balance:
    """Nano-dollars; `days_left` is None while nothing is spent."""

    available: int
    held: int
    low_line: int | None
    a_day: int
    days_left: int | None
    cap: Cap | None
    auto: AutoTopUp | None

    @property
    def total(self) -> int:
        return self.available + self.held

    @property
    def places(self) -> int:
        return money.places((self.available, self.held))

    @property
    def needs_room(self) -> bool:
        """More digits than a phone shows in large figures."""
        return self.available >= MUCH

    @property
    def share(self) -> float:
        """Of the ruler, 0 to 1."""
        if self.available <= 0:
            return 0.0
        return 1.0 if self.days_left is None else min(self.days_left / HORIZON, 1.0)

    @property
    def is_long(self) -> bool:
        """So long that a day of its end would be a guess."""
        return self.days_left is not None and self.days_left > YEAR

    @property
    def lasts_until(self) -> date | None:
        if self.days_left is None or self.is_long:
            return None
        return timezone.now().date() + timedelta(days=self.days_left)

    @property
    def is_low(self) -> bool:
        """Below the line that the team has drawn; without a line, at nothing."""
        return self.total < (self.low_line or 1)

    @property
    def state(self) -> Literal["live", "look", "bad"]:
        if self.available <= 0:
            return "bad"
        ends_soon = self.days_left is not None and self.days_left < LOW_DAYS
        return "look" if self.is_low or ends_soon else "live"


def of(organisation_id: str) -> Balance:
    account = _account(organisation_id)
    a_day = daily_mean(organisation_id)
    return Balance(
        available=account.available,
        held=account.held,
        low_line=account.low_balance,
        a_day=a_day,
        days_left=max(account.available, 0) // a_day if a_day else None,
        cap=caps.of(account),
        auto=getattr(account.organisation, "auto_top_up", None),
    )


def _account(organisation_id: str) -> Account:
    """Read, as a page does, with how it is topped up; opened where it never was."""
    mine = Account.objects.filter(organisation_id=organisation_id, kind=Account.Kind.CUSTOMER)
    whole = mine.select_related("organisation__auto_top_up")
    return whole.first() or customer_account(organisation_id)


def daily_mean(organisation_id: str) -> int:
    """Nano-dollars a day over the last seven days, or since the first of them with a charge."""
    tomorrow = timezone.now().date() + timedelta(days=1)
    lines = usage.by(organisation_id, tomorrow - timedelta(days=WEEK), tomorrow)
    charged = [line for line in lines if line.charged_nano and line.day]
    if not charged or charged[0].day is None:
        return 0
    days = (tomorrow - charged[0].day).days
    return sum(line.charged_nano for line in charged) // days
