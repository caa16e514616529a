"""Usage as a table of days or hours and groups, the largest group first, with what was refused."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from billing.usage import UsageLine
from dashboard import activity, money
from dashboard.sorting import Sort
from dashboard.usage_groups import OTHERS, Grouped

SERIES: Final = 5
"""Groups that the chart tells apart; what is smaller is summed as the last of them."""
METRICS: Final[dict[str, Callable[[UsageLine], int]]] = {
    "requests": activity.requests,
    "tokens": activity.tokens,
    "cost": activity.charged,
    "errors": activity.requests,
    "limited": activity.requests,
}
COLUMNS: Final = ("time", "total", "limited", *map(str, range(1, SERIES + 1)))
"""What rows can be sorted by; a series by its place."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls beyond a rate limit, which are in no sum: by day or hour, and by group."""

    at: Mapping[date, int] = field(default_factory=dict)
    of: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Series:
    """One group over the whole period; `at` is of the metric that is shown, by day or hour."""

    id: str
    name: str
    requests: int = 0
    tokens: int = 0
    cost: int = 0
    limited: int = 0
    at: dict[date, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total(self) -> int:
        return sum(self.at.values())

    @property
    def can_be_chosen(self) -> bool:
        """Some one thing: neither what is left over nor what belongs to nothing."""
        return self.id not in {"", OTHERS}

    def add(self, line: UsageLine, metric: str) -> None:
        self.requests += line.requests
        self.tokens += activity.tokens(line)
        self.cost += line.charged_nano
        if (at := moment(line)) is not None:
            self.at[at] += METRICS[metric](line)


@dataclass(frozen=True, slots=True)
class Row:
    """A day, or the beginning of an hour; `limited`: calls that a rate limit refused in it."""

    at: date
    values: list[int]
    limited: int

    @property
    def total(self) -> int:
        return sum(self.values)

    @property
    def alone(self) -> str:
        """The query of this day, and of no other."""
        return f"?from={self.at}&to={self.at + timedelta(days=1)}"


@dataclass(frozen=True, slots=True)
class Table:
    """The newest row first; `limited`: of all rows, `places`: where its figures are money."""

    series: list[Series]
    rows: list[Row]
    limited: int
    places: int | None

    @property
    def total(self) -> int:
        return sum(each.total for each in self.series)

    def sorted(self, sort: Sort) -> "Table":
        return replace(self, rows=sorted(self.rows, key=_key(sort), reverse=sort.descending))


def of(grouped: Grouped, metric: str, names: Mapping[str, str], refused: Refused) -> Table:
    series = _series(grouped, metric, names)
    for each in series:
        each.limited = refused.of.get(each.id, 0)
    used = {at for each in series for at in each.at}
    rows = [
        Row(at, [each.at.get(at, 0) for each in series], refused.at.get(at, 0))
        for at in _without_gaps(used | refused.at.keys())
    ]
    figures = (figure for row in rows for figure in row.values)
    places = money.places(figures) if metric == "cost" else None
    return Table(series, rows, sum(refused.at.values()), places)


def moment(line: UsageLine) -> date | None:
    return line.hour or line.day


def _series(grouped: Grouped, metric: str, names: Mapping[str, str]) -> list[Series]:
    """The largest first, what is left over last."""
    names = {**names, OTHERS: _("%(n)d others") % {"n": grouped.others}}
    found: dict[str, Series] = {}
    for group, line in grouped.lines:
        found.setdefault(group, Series(group, names.get(group, group))).add(line, metric)
    return sorted(
        found.values(),
        key=lambda each: (each.id == OTHERS, -each.total, -each.requests, each.name),
    )


def _without_gaps(used: Iterable[date]) -> list[date]:
    """Every day (or hour) from the last with use to the first."""
    if not (known := sorted(used)):
        return []
    first, last = known[0], known[-1]
    step = timedelta(hours=1) if isinstance(first, datetime) else timedelta(days=1)
    return [last - n * step for n in range((last - first) // step + 1)]


def _key(sort: Sort) -> Callable[[Row], tuple[int, date]]:
    """Equal rows stand in the order of their time."""
    if sort.column == "total":
        return lambda row: (row.total, row.at)
    if sort.column == "limited":
        return lambda row: (row.limited, row.at)
    place = int(sort.column) - 1 if sort.column.isdecimal() else SERIES
    return lambda row: (row.values[place] if place < len(row.values) else 0, row.at)
