"""Usage by day or hour, split by one thing and narrowed to another: the numbers, and a chart."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import APIKey
from billing import periods, serializers, usage
from billing.csv_answers import csv_answer
from billing.periods import Period
from billing.usage import UsageLine
from chatbots.models import Chatbot
from dashboard import sorting, speed, usage_groups, usage_table
from dashboard.access import TeamRequest, organisation_view
from dashboard.pages.usage_views import ViewForm, normal
from dashboard.usage_groups import Grouped
from dashboard.usage_table import COLUMNS, METRICS, Refused

DIMENSION: Final = {
    "model": "model", "chatbot": "chatbot", "key": "key", "user": "key", "status": "",
}  # fmt: skip
"""What the API is asked to group by, for each way to split; a person is the maker of keys."""
PRESETS: Final = (2, 7, 30, 90)
MONTH: Final = 30
HOURS_OF_DAYS: Final = 2
"""Periods so short are told by the hour."""
STATE_OF: Final = {"errors": "failed", "limited": "limited"}
"""What the API is asked for, for metrics that are not of answered calls."""
KNOWN_OF_LIMITED: Final = ("key", "user", "status")
"""What is known of a call that never reached a model."""
MOST_MEASURED: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what is no choice falls back to the first."""

    period: Period
    group: str
    metric: str
    only: dict[str, str]

    @property
    def state(self) -> str:
        return STATE_OF.get(self.metric, "answered")

    @property
    def unit(self) -> str:
        return "hour" if self.period.days <= HOURS_OF_DAYS else "day"

    @property
    def dimensions(self) -> list[str]:
        return [name for name in (self.unit, DIMENSION[self.group]) if name]

    def question(self, organisation_id: str) -> tuple[str, Mapping[str, usage.Asked]]:
        since, until = self.period.since, self.period.until
        return usage.question(organisation_id, since, until, self.dimensions, self.only, self.state)

    def lines(self, organisation_id: str, state: str, dimensions: list[str]) -> list[UsageLine]:
        since, until = self.period.since, self.period.until
        return usage.by(organisation_id, since, until, dimensions, self.only, state)


@organisation_view(scope="usage:read")
def usage_page(request: TeamRequest) -> HttpResponseBase:
    asked = _asked(request)
    mine = request.organisation.id
    if request.GET.get("format") == "csv":
        lines = asked.lines(mine, asked.state, asked.dimensions)
        rows = serializers.UsageLineSerializer(lines, many=True).data
        return csv_answer("usage", list(rows))
    shown = {
        "asked": asked,
        "last": asked.period.until - timedelta(days=1),
        "presets": PRESETS,
        "days": asked.period.days,
        "filters": _filters(request, asked),
        "api_query": _api_query(request, asked),
        **_views(request),
    }
    if asked.metric == "latency":
        return _latency(request, asked, shown)
    names, sort = _names(request, asked.group), sorting.of(request.GET, COLUMNS, "-time")
    table = usage_table.of(_grouped(mine, asked), asked.metric, names, _refused(request, asked))
    filter_name = DIMENSION[asked.group] if asked.group != "user" else ""
    told = {"table": table.sorted(sort), "filter": filter_name, "sort": sort}
    return render(request, "dashboard/usage.html", shown | told)


def _asked(request: TeamRequest) -> Asked:
    query = request.GET
    group, metric = query.get("by", ""), query.get("metric", "")
    metric = metric if metric in {*METRICS, "latency"} else "requests"
    groups = KNOWN_OF_LIMITED if metric == "limited" else tuple(DIMENSION)
    return Asked(
        periods.of(_dates(request)),
        group if group in groups else groups[0],
        metric,
        periods.usage_filters({name: query[name] for name in usage.FILTERS if name in query})[1],
    )


def _grouped(organisation_id: str, asked: Asked) -> Grouped:
    if asked.group != "status":
        return usage_groups.largest(
            asked.question(organisation_id), asked.group, asked.metric, usage_table.SERIES
        )
    states = [asked.state] if asked.metric != "requests" else list(usage.STATES)
    found = ((state, asked.lines(organisation_id, state, [asked.unit])) for state in states)
    return Grouped([(state, line) for state, lines in found for line in lines])


def _refused(request: TeamRequest, asked: Asked) -> Refused:
    """By a rate limit in the same time, beside the calls that it let through."""
    if asked.metric != "requests" or asked.group == "status":
        return Refused()
    mine = request.organisation.id
    by_time = asked.lines(mine, "limited", [asked.unit])
    at = {moment: line.requests for line in by_time if (moment := usage_table.moment(line))}
    if not at or DIMENSION[asked.group] != "key":
        return Refused(at)
    of: dict[str, int] = defaultdict(int)
    makers = dict(_keys(request).values_list("pk", "created_by_id"))
    for line in asked.lines(mine, "limited", ["key"]):
        key = line.key or ""
        of[str(makers.get(key) or "") if asked.group == "user" else key] += line.requests
    return Refused(at, of)


def _names(request: TeamRequest, group: str) -> dict[str, str]:
    if group == "key":
        return {"": _("No key"), **dict(_keys(request).values_list("pk", "name"))}
    if group == "user":
        keys = _keys(request).exclude(created_by=None)
        people = keys.values_list("created_by_id", "created_by__name", "created_by__email")
        return {"": _("Nobody"), **{pk: name or email for pk, name, email in people.distinct()}}
    if group == "chatbot":
        bots = Chatbot.objects.filter(organisation=request.organisation)
        named = dict(bots.values_list("pk", "title"))
        return {"": _("Calls of the API"), usage.ANY: _("chatbots"), **named}
    return {
        "answered": _("Answered"),
        "failed": _("Without an answer"),
        "limited": _("Refused by a rate limit"),
    }


def _keys(request: TeamRequest) -> QuerySet[APIKey]:
    return APIKey.objects.all().for_organisation(request.organisation.id).order_by()


def _filters(request: TeamRequest, asked: Asked) -> list[tuple[str, str]]:
    """What the numbers are narrowed to: the parameter, and how it is called here."""
    told = []
    for name, value in asked.only.items():
        known = _names(request, name) if name != "model" else {}
        told.append((name, known.get(value, value)))
    return told


def _views(request: TeamRequest) -> dict[str, object]:
    """The member's saved views, and which of them this is."""
    views, here = request.membership.usage_views, normal(request.GET.urlencode())
    return {
        "views": views,
        "here": here,
        "is_saved": next((name for name, query in views.items() if query == here), ""),
        "view_form": ViewForm(initial={"query": here}, auto_id="view_%s"),
    }


def _latency(request: TeamRequest, asked: Asked, shown: dict[str, object]) -> HttpResponse:
    """By day, each from a bounded sample; the chart is drawn from this table."""
    mine, period = request.organisation.id, asked.period
    since = max(period.begin, period.end - MOST_MEASURED)
    told = {
        "rows": speed.by_day(mine, since, period.end),
        "overall": speed.overall(mine, period.begin, period.end),
        "sample": speed.DAY_SAMPLE,
    }
    return render(request, "dashboard/latency.html", shown | told)


def _dates(request: TeamRequest) -> dict[str, str]:
    """So many `days` until today, else `from` and `to` as the API reads them."""
    given = {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    if given and not request.GET.get("days"):
        return given
    days = int(asked) if (asked := request.GET.get("days", "")) in map(str, PRESETS) else MONTH
    tomorrow = periods.of({}).until
    return {"from": str(tomorrow - timedelta(days=days)), "to": str(tomorrow)}


def _api_query(request: TeamRequest, asked: Asked) -> str:
    """The call that answers with the numbers of this page."""
    query = {
        "from": asked.period.since,
        "to": asked.period.until,
        "group_by": ",".join(asked.dimensions),
    }
    state = {"state": asked.state} if asked.state != "answered" else {}
    asked_for = urlencode({**query, **state, **asked.only}, safe=",")
    address = request.build_absolute_uri(f"/v1/usage?{asked_for}")
    return f'curl "{address}" -H "Authorization: Bearer $SMARTER_API_KEY"'
