"""Usage as a table of days and groups: the largest groups first, what is smaller summed as one."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from django.utils.translation import gettext as _

from billing.usage import UsageLine
from dashboard import activity

SERIES: Final = 5
"""Groups that the chart tells apart; what is smaller is summed as the last of them."""
METRICS: Final[dict[str, Callable[[UsageLine], int]]] = {
    "requests": activity.requests,
    "tokens": activity.tokens,
    "cost": activity.charged,
    "errors": activity.requests,
}
OTHERS: Final = "\0others"
Grouped = Sequence[tuple[str, UsageLine]]
"""Lines of days, each with the id of its group."""


@dataclass
class Series:
    """One group over the whole period; `by_day` is of the metric that is shown."""

    id: str
    name: str
    requests: int = 0
    tokens: int = 0
    cost: int = 0
    by_day: dict[date, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total(self) -> int:
        return sum(self.by_day.values())

    @property
    def can_be_chosen(self) -> bool:
        """Some one thing: neither what is left over nor what belongs to nothing."""
        return self.id not in {"", OTHERS}

    def add(self, line: UsageLine, metric: str) -> None:
        self.requests += line.requests
        self.tokens += activity.tokens(line)
        self.cost += line.charged_nano
        if line.day is not None:
            self.by_day[line.day] += METRICS[metric](line)


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: a day, the value of each series, their sum; the newest day first."""

    series: list[Series]
    rows: list[tuple[date, list[int], int]]
    total: int


def of(grouped: Grouped, metric: str, names: Mapping[str, str]) -> Table:
    series = _series(grouped, metric, names)
    used = sorted({line.day for _id, line in grouped if line.day}, reverse=True)
    rows = []
    for day in _all_days(used):
        values = [each.by_day.get(day, 0) for each in series]
        rows.append((day, values, sum(values)))
    return Table(series, rows, sum(each.total for each in series))


def _series(grouped: Grouped, metric: str, names: Mapping[str, str]) -> list[Series]:
    """The largest first; from the fifth on together."""
    found: dict[str, Series] = {}
    for group, line in grouped:
        found.setdefault(group, Series(group, names.get(group, group))).add(line, metric)
    largest = sorted(found.values(), key=lambda each: (-each.total, -each.requests, each.name))
    if len(largest) <= SERIES:
        return largest
    rest = {each.id for each in largest[SERIES - 1 :]}
    others = Series(OTHERS, _("%(n)d others") % {"n": len(rest)})
    for group, line in grouped:
        if group in rest:
            others.add(line, metric)
    return [*largest[: SERIES - 1], others]


def _all_days(days: list[date]) -> list[date]:
    """Every day from the first with use to the last: a chart without gaps."""
    if not days:
        return []
    return [days[0] - timedelta(days=n) for n in range((days[0] - days[-1]).days + 1)]
