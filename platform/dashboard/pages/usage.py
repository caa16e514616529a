"""Usage by day, split by model or key: the table of the numbers, and a chart drawn from it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import APIKey
from billing import periods, serializers, usage
from billing.csv_answers import csv_answer
from billing.periods import Period
from billing.usage import UsageLine
from chatbots.models import Chatbot
from dashboard import activity, speed
from dashboard.access import TeamRequest, organisation_view

SERIES: Final = 5
"""Groups that the chart tells apart; what is smaller is summed as the last of them."""
METRICS: Final[dict[str, Callable[[UsageLine], int]]] = {
    "requests": activity.requests,
    "tokens": activity.tokens,
    "cost": activity.charged,
}
GROUPS: Final = ("model", "chatbot", "key")
PRESETS: Final = (7, 30, 90)
MOST_MEASURED: Final = timedelta(days=31)
OTHERS: Final = "\0others"


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

    def add(self, line: UsageLine, metric: str) -> None:
        self.requests += line.requests
        self.tokens += activity.tokens(line)
        self.cost += line.charged_nano
        if line.day is not None:
            self.by_day[line.day] += METRICS[metric](line)


@organisation_view(scope="usage:read")
def usage_page(request: TeamRequest) -> HttpResponseBase:
    period = periods.of(_dates(request))
    group = request.GET.get("by") if request.GET.get("by") in GROUPS else "model"
    metric = request.GET.get("metric", "requests")
    lines = usage.by(request.organisation.id, period.since, period.until, ("day", str(group)))
    if request.GET.get("format") == "csv":
        return csv_answer("usage", list(serializers.UsageLineSerializer(lines, many=True).data))
    shown = {
        "period": period,
        "last": period.until - timedelta(days=1),
        "presets": PRESETS,
        "days": (period.until - period.since).days,
        "group": group,
        "groups": GROUPS,
        "metric": metric if metric in {*METRICS, "latency"} else "requests",
        "api_query": _api_query(request, period, str(group)),
    }
    if metric == "latency":
        return render(request, "dashboard/latency.html", shown | _latency(request, period))
    table = _table(lines, str(shown["metric"]), str(group), _names(request, str(group)))
    return render(request, "dashboard/usage.html", shown | table)


def _table(
    lines: list[UsageLine], metric: str, group: str, names: dict[str, str]
) -> dict[str, object]:
    series = _series(lines, metric, group, names)
    days = sorted({line.day for line in lines if line.day}, reverse=True)
    total = sum(each.total for each in series)
    return {
        "series": series,
        "total": total,
        "rows": [
            (day, values := [each.by_day.get(day, 0) for each in series], sum(values))
            for day in _all_days(days)
        ],
    }


def _series(lines: list[UsageLine], metric: str, group: str, names: dict[str, str]) -> list[Series]:
    """The largest first; from the fifth on together."""
    found: dict[str, Series] = {}
    for line in lines:
        of = getattr(line, group) or ""
        found.setdefault(of, Series(of, names.get(of, of))).add(line, metric)
    largest = sorted(found.values(), key=lambda each: (-each.total, -each.requests, each.name))
    if len(largest) <= SERIES:
        return largest
    rest = {each.id for each in largest[SERIES - 1 :]}
    others = Series(OTHERS, _("%(n)d others") % {"n": len(rest)})
    for line in lines:
        if (getattr(line, group) or "") in rest:
            others.add(line, metric)
    return [*largest[: SERIES - 1], others]


def _names(request: TeamRequest, group: str) -> dict[str, str]:
    if group == "key":
        mine = APIKey.objects.all().for_organisation(request.organisation.id)
        return {"": _("No key"), **dict(mine.values_list("pk", "name"))}
    if group == "chatbot":
        bots = Chatbot.objects.filter(organisation=request.organisation)
        return {"": _("Calls of the API"), **dict(bots.values_list("pk", "title"))}
    return {}


def _all_days(days: list[date]) -> list[date]:
    """Every day from the first with use to the last: a chart without gaps."""
    if not days:
        return []
    return [days[0] - timedelta(days=n) for n in range((days[0] - days[-1]).days + 1)]


def _latency(request: TeamRequest, period: Period) -> dict[str, object]:
    """By day, each from a bounded sample; the chart is drawn from this table."""
    mine, since = request.organisation.id, max(period.begin, period.end - MOST_MEASURED)
    return {
        "rows": speed.by_day(mine, since, period.end),
        "overall": speed.overall(mine, period.begin, period.end),
        "sample": speed.DAY_SAMPLE,
    }


def _dates(request: TeamRequest) -> dict[str, str]:
    """`from` and `to` as the API reads them, or `days` until today."""
    if request.GET.get("from") or request.GET.get("to"):
        return {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    days = activity.period(request.GET.get("days"))
    tomorrow = periods.of({}).until
    return {"from": str(tomorrow - timedelta(days=days)), "to": str(tomorrow)}


def _api_query(request: TeamRequest, period: Period, group: str) -> str:
    """The call that answers with the numbers of this page."""
    days = {"from": period.since, "to": period.until}
    asked = urlencode({**days, "group_by": f"day,{group}"}, safe=",")
    address = request.build_absolute_uri(f"/v1/usage?{asked}")
    return f'curl "{address}" -H "Authorization: Bearer $SMARTER_API_KEY"'
