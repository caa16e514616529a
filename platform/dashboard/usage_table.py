"""Usage as a table of days or hours and groups: the largest groups first, the rest as one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from billing.usage import UsageLine
from dashboard import activity, money
from dashboard.sorting import Sort

SERIES: Final = 5
"""Groups that the chart tells apart; what is smaller is summed as the last of them."""
METRICS: Final[dict[str, Callable[[UsageLine], int]]] = {
    "requests": activity.requests,
    "tokens": activity.tokens,
    "cost": activity.charged,
    "errors": activity.requests,
    "limited": activity.requests,
}
OTHERS: Final = "\0others"
NONE: Final = "\0none"
COLUMNS: Final = ("time", "total", "limited", *map(str, range(1, SERIES + 1)))
"""What rows can be sorted by; a series by its place."""
Grouped = Sequence[tuple[str, UsageLine]]
"""Lines of days or hours, each with the id of its group."""


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
        if (moment := _moment(line)) is not None:
            self.at[moment] += METRICS[metric](line)

    def join(self, other: "Series") -> None:
        self.requests += other.requests
        self.tokens += other.tokens
        self.cost += other.cost
        for moment, figure in other.at.items():
            self.at[moment] += figure


@dataclass(frozen=True, slots=True)
class Row:
    """A day, or the beginning of an hour; `limited`: calls that a rate limit refused in it."""

    at: date
    values: list[int]
    limited: int

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """The newest row first; `places` where its figures are money."""

    series: list[Series]
    rows: list[Row]
    places: int | None = None

    @property
    def total(self) -> int:
        return sum(each.total for each in self.series)

    @property
    def limited(self) -> int:
        return sum(row.limited for row in self.rows)

    def sorted(self, sort: Sort) -> "Table":
        return replace(self, rows=sorted(self.rows, key=_key(sort), reverse=sort.descending))


def of(grouped: Grouped, metric: str, names: Mapping[str, str], beside: Grouped = ()) -> Table:
    """`beside`: what a rate limit refused, by the same groups; its calls are in no sum."""
    series = _series(grouped, metric, names)
    limited = _limited(beside, series)
    used = {moment for _id, line in grouped if (moment := _moment(line))}
    rows = [
        Row(at, [each.at.get(at, 0) for each in series], limited.get(at, 0))
        for at in _without_gaps(used | limited.keys())
    ]
    figures = (figure for row in rows for figure in row.values)
    return Table(series, rows, money.places(figures) if metric == "cost" else None)


def _series(grouped: Grouped, metric: str, names: Mapping[str, str]) -> list[Series]:
    """The largest first; from the fifth on together."""
    found: dict[str, Series] = {}
    for group, line in grouped:
        found.setdefault(group, Series(group, names.get(group, group))).add(line, metric)
    largest = sorted(found.values(), key=lambda each: (-each.total, -each.requests, each.name))
    if len(largest) <= SERIES:
        return largest
    rest = largest[SERIES - 1 :]
    others = Series(OTHERS, _("%(n)d others") % {"n": len(rest)})
    for each in rest:
        others.join(each)
    return [*largest[: SERIES - 1], others]


def _limited(beside: Grouped, series: Sequence[Series]) -> dict[date, int]:
    """By day or hour; each is noted at its group, too, where the table tells that one apart."""
    known = {each.id: each for each in series}
    found: dict[date, int] = defaultdict(int)
    for group, line in beside:
        if each := known.get(group):
            each.limited += line.requests
        if (moment := _moment(line)) is not None:
            found[moment] += line.requests
    return found


def _moment(line: UsageLine) -> date | None:
    return line.hour or line.day


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
