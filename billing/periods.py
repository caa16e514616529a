"""Reading `from`, `to` and `group_by` of a query: half-open periods of UTC days."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from api.errors import InvalidRequest
from billing.usage import DIMENSIONS, FILTERS, STATES

MOST_ROWS: Final = 100_000
MOST_DAYS_OF_HOURS: Final = 7
_DEFAULT: Final = timedelta(days=30)
_DAYS: Final = (date(1970, 1, 1), date(9999, 1, 1))
"""Others are nobody's, and leave no room to count from them."""


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until) in UTC days."""

    since: date
    until: date

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.since, time(), UTC)

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    @property
    def end(self) -> datetime:
        return datetime.combine(self.until, time(), UTC)


def of(query: Mapping[str, str]) -> Period:
    """Without `to`: until today's end; without `from`: thirty days. Raises InvalidRequest."""
    until = _day(query, "to") or timezone.now().date() + timedelta(days=1)
    since = _day(query, "from") or until - _DEFAULT
    if since > until:
        raise InvalidRequest(_("'from' is after 'to'."), param="from")
    return Period(since, until)


def group_by(query: Mapping[str, str], period: Period) -> list[str]:
    """Names with commas between; `day` when there are none. Raises InvalidRequest."""
    names = [name.strip() for name in query.get("group_by", "day").split(",")]
    if not set(names) <= set(DIMENSIONS):
        raise InvalidRequest(f"'group_by' is any of {', '.join(DIMENSIONS)}.", param="group_by")
    if "hour" in names and period.days > MOST_DAYS_OF_HOURS:
        raise InvalidRequest(
            _("Hours are told of %(days)d days at most. Bring 'from' and 'to' closer.")
            % {"days": MOST_DAYS_OF_HOURS},
            param="group_by",
        )
    return names


def usage_filters(query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The state of calls, and which model, key or chatbot. Raises InvalidRequest."""
    state = query.get("state") or "answered"
    if state not in STATES:
        raise InvalidRequest(f"'state' is one of {', '.join(STATES)}.", param="state")
    return state, {name: query[name] for name in FILTERS if query.get(name)}


def _day(query: Mapping[str, str], name: str) -> date | None:
    if name not in query:
        return None
    with suppress(ValueError):
        if _DAYS[0] <= (day := date.fromisoformat(query[name])) <= _DAYS[1]:
            return day
    said = _("'%(name)s' is a UTC day such as 2026-01-31.") % {"name": name}
    raise InvalidRequest(said, param=name)
