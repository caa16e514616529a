"""The first page: what was used, what is left, what needs a look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from api import numbers
from billing import usage
from billing.usage import UsageLine
from chatbots.models import Chatbot
from dashboard import activity, attention, frame, money, recent, speed, starter, visits
from dashboard.access import TeamRequest, organisation_view
from dashboard.activity import Activity

OF_A_DAY: Final = 200
"""Calls that a day of the line of latency is measured on."""


@dataclass(frozen=True, slots=True)
class Tile:
    """`url` is where its number is taken apart."""

    name: str
    value: str | SafeString
    note: str | SafeString
    spark: str
    url: str


@organisation_view()
def overview(request: TeamRequest) -> HttpResponse:
    days = activity.period(request.GET.get("days"))
    around = frame.of(request)
    may_read = "chatbots:read" in request.membership.scopes
    chats = recent.conversations(request.organisation.id) if may_read else []
    answers = [] if chats else recent.answers(request.organisation.id)
    may_make = "chatbots:write" in request.membership.scopes
    is_new = may_make and not (chats or answers or _has_chatbots(request))
    shown = {
        "periods": activity.PERIODS,
        "days": days,
        "tiles": _tiles(request, days, talks=bool(chats) or is_new),
        "chats": chats,
        "recent": answers,
        "is_new": is_new,
        "starter": starter.of(request.organisation) if is_new else None,
        "may_make": may_make,
        "frame": around,
        "attention": attention.of(request, around.balance if around else None),
    }
    return render(request, "dashboard/overview.html", shown)


def _has_chatbots(request: TeamRequest) -> bool:
    return bool(Chatbot.objects.filter(organisation=request.organisation).exists())


def _tiles(request: TeamRequest, days: int, *, talks: bool) -> list[Tile]:
    """Messages and visitors where somebody chats; requests and tokens where programs call."""
    used = activity.of(request.organisation.id, days)
    first = [_messages(request, days), _visitors(request, days)] if talks else _calls(request, used)
    return [*first, _cost(request, used), _latency(request, days)]


def _messages(request: TeamRequest, days: int) -> Tile:
    """Requests of chatbots."""
    used = activity.of(request.organisation.id, days, {"chatbot": usage.ANY})
    page = f"{_usage(request, 'requests', days)}&by=chatbot&chatbot={usage.ANY}"
    return _tile(_("Messages"), used, activity.requests, page)


def _visitors(request: TeamRequest, days: int) -> Tile:
    seen = visits.of(request.organisation.id, days)
    inbox = reverse("dashboard:conversations", args=[request.organisation.slug])
    line = activity.spark(seen.by_day)
    note = _against(seen.change, days, seen.visitors)
    return Tile(_("Visitors"), _counted(seen.visitors), note, line, f"{inbox}?days={days}")


def _calls(request: TeamRequest, used: Activity) -> list[Tile]:
    calls = _usage(request, "requests", used.days)
    tokens = _usage(request, "tokens", used.days)
    return [
        _tile(_("Requests"), used, activity.requests, calls),
        _tile(_("Tokens"), used, activity.tokens, tokens),
    ]


def _tile(name: str, used: Activity, of: Callable[[UsageLine], int], url: str) -> Tile:
    note = _against(used.change(of), used.days, used.total(of))
    return Tile(name, _counted(used.total(of)), note, activity.spark(used.by_day(of)), url)


def _cost(request: TeamRequest, used: Activity) -> Tile:
    cost, calls = used.total(activity.charged), used.total(activity.requests)
    return Tile(
        _("Cost"),
        money.html(cost, money.PERIOD) if calls else _quiet(money.html(0)),
        _each(cost, calls, used.change(activity.charged)),
        activity.spark(used.by_day(activity.charged)),
        _usage(request, "cost", used.days),
    )


def _usage(request: TeamRequest, metric: str, days: int) -> str:
    page = reverse("dashboard:usage", args=[request.organisation.slug])
    return f"{page}?metric={metric}&days={days}"


def _each(cost: int, calls: int, change: float | None) -> str | SafeString:
    if not calls:
        return _("Nothing measured yet")
    each = format_html(_("{} a request"), money.html(cost // calls))
    if change is None:
        return each
    words = _("%(share)s %% less") if change < 0 else _("%(share)s %% more")
    return format_html("{}, {}", each, words % {"share": numbers.written(abs(change) * 100, 1)})


def _counted(number: int) -> str | SafeString:
    return numbers.written(number) if number else _quiet("0")


def _quiet(value: str) -> SafeString:
    return format_html('<span class="quiet">{}</span>', value)


def _against(change: float | None, days: int, now: int) -> str:
    if change is None and not now:
        return _("Nothing measured yet")
    if change is None:
        return _("Nothing in the %(days)d days before") % {"days": days}
    words = {"share": numbers.written(abs(change) * 100, 1), "days": days}
    if change < 0:
        return _("%(share)s %% less than the %(days)d days before") % words
    return _("%(share)s %% more than the %(days)d days before") % words


def _latency(request: TeamRequest, days: int) -> Tile:
    mine, now = request.organisation.id, timezone.now()
    begin = now - timedelta(days=days)
    tomorrow = _midnight(now) + timedelta(days=1)
    here = speed.overall(mine, begin, now).first_token_p95
    before = speed.overall(mine, begin - timedelta(days=days), begin).first_token_p95
    measured = speed.by_day(mine, tomorrow - timedelta(days=days), tomorrow, OF_A_DAY)
    line = activity.spark([one.first_token_p95 or 0 for _day, one in reversed(measured)])
    unit = format_html('<span class="unit">{}</span>', "ms")
    value = format_html("{}{}", numbers.written(here), unit) if here else _quiet("\N{EN DASH}")
    page = _usage(request, "latency", days)
    return Tile(_("First token, p95"), value, _faster(here, before, days), line, page)


def _faster(here: float | None, before: float | None, days: int) -> str | SafeString:
    if here is None:
        return _("Nothing measured yet")
    if before is None:
        return _("19 of 20 answers begin sooner")
    than = _("than the %(days)d days before") % {"days": days}
    if here <= before:
        faster = _("%(ms)s ms faster") % {"ms": numbers.written(before - here)}
        return format_html('<span class="verdict-good">{}</span> {}', faster, than)
    slower = _("%(ms)s ms slower") % {"ms": numbers.written(here - before)}
    return format_html("{} {}", slower, than)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
