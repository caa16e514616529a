"""The first page: what was used, what is left, what needs a look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.usage import UsageLine
from chatbots.models import Chatbot
from dashboard import activity, attention, money, recent, speed
from dashboard.access import TeamRequest, organisation_view
from dashboard.activity import Activity


@dataclass(frozen=True, slots=True)
class Tile:
    """`metric` is what the usage page shows when the tile is clicked."""

    name: str
    value: str | SafeString
    note: str | SafeString
    spark: str
    metric: str


@organisation_view()
def overview(request: TeamRequest) -> HttpResponse:
    days = activity.period(request.GET.get("days"))
    used = activity.of(request.organisation.id, days)
    may_read = "chatbots:read" in request.membership.scopes
    chats = recent.conversations(request.organisation.id) if may_read else []
    shown = {
        "periods": activity.PERIODS,
        "days": days,
        "tiles": [*_tiles(used), _latency(request.organisation.id, days)],
        "chats": chats,
        "recent": [] if chats else recent.answers(request.organisation.id),
        "has_chatbots": Chatbot.objects.filter(organisation=request.organisation).exists(),
        "may_make": "chatbots:write" in request.membership.scopes,
        "attention": SimpleLazyObject(lambda: attention.of(request)),
    }
    return render(request, "dashboard/overview.html", shown)


def _tiles(used: Activity) -> list[Tile]:
    cost, calls = used.total(activity.charged), used.total(activity.requests)
    each = money.html(cost // calls) if calls else money.html(0)
    return [
        _tile(_("Requests"), f"{calls:,}", used, activity.requests, "requests"),
        _tile(_("Tokens"), f"{used.total(activity.tokens):,}", used, activity.tokens, "tokens"),
        Tile(
            _("Cost"),
            money.html(cost, money.PERIOD),
            format_html(_("{} a request"), each),
            activity.spark(used.by_day(activity.charged)),
            "cost",
        ),
    ]


def _tile(
    name: str, value: str, used: Activity, of: Callable[[UsageLine], int], metric: str
) -> Tile:
    return Tile(name, value, _against(used.change(of), used.days), _line(used, of), metric)


def _line(used: Activity, of: Callable[[UsageLine], int]) -> str:
    return activity.spark(used.by_day(of))


def _against(change: float | None, days: int) -> str:
    if change is None:
        return _("Nothing in the %(days)d days before") % {"days": days}
    words = {"share": f"{abs(change) * 100:.1f}", "days": days}
    if change < 0:
        return _("%(share)s %% less than the %(days)d days before") % words
    return _("%(share)s %% more than the %(days)d days before") % words


def _latency(organisation_id: str, days: int) -> Tile:
    now = timezone.now()
    begin = now - timedelta(days=days)
    here = speed.overall(organisation_id, begin, now).first_token_p95
    before = speed.overall(organisation_id, begin - timedelta(days=days), begin).first_token_p95
    value = format_html('{}<span class="unit">ms</span>', f"{here:,.0f}") if here else "–"  # noqa: RUF001 - nothing measured is a dash
    return Tile(_("First token, p95"), value, _faster(here, before, days), "", "latency")


def _faster(here: float | None, before: float | None, days: int) -> str | SafeString:
    if here is None:
        return _("No answer in %(days)d days") % {"days": days}
    if before is None:
        return _("19 of 20 answers begin sooner")
    than = _("than the %(days)d days before") % {"days": days}
    if here <= before:
        faster = _("%(ms)s ms faster") % {"ms": f"{before - here:,.0f}"}
        return format_html('<span class="verdict-good">{}</span> {}', faster, than)
    slower = _("%(ms)s ms slower") % {"ms": f"{here - before:,.0f}"}
    return format_html("{} {}", slower, than)
