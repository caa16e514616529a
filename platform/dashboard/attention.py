"""What an owner should look at, each with where to mend it; at most a handful."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import APIKey
from billing.models import BudgetWindow, ChatbotWindow
from chatbots import origins
from chatbots.configuration import Budget, Configuration
from chatbots.models import Chatbot, Message, Seen
from dashboard.access import TeamRequest
from dashboard.balance import Balance
from dashboard.money import PERIOD, amount
from inference.models import ServedModel
from knowledge.models import Status, StoreFile

NEAR: Final = 0.8
"""Share of a budget from which on it is worth a look."""
MOST: Final = 6
WEEK: Final = 7
PERIODS: Final = {"day": gettext_lazy("day"), "month": gettext_lazy("month")}


@dataclass(frozen=True, slots=True)
class Site:
    """One that is refused, and may be allowed by who reads this."""

    chatbot: str
    origin: str


@dataclass(frozen=True, slots=True)
class Matter:
    """`share`: how far a budget is used, None where nothing runs out."""

    text: str
    why: str
    url: str
    share: float | None = None
    site: Site | None = None


def of(request: TeamRequest, left: Balance | None) -> list[Matter]:
    """`left` is None for who may not know it."""
    scopes = request.membership.scopes
    found: list[Matter] = [*_balance(request, left), *_models(request)]
    if left is not None:
        found[:0] = _spending(request, left)
    if "keys:write" in scopes:
        found += _budgets(request)
    if "chatbots:read" in scopes:
        found += [*_chatbot_budgets(request), *_chatbots(request), *_origins(request)]
    if "files:read" in scopes:
        found += _files(request)
    return found[:MOST]


def _balance(request: TeamRequest, left: Balance | None) -> Iterator[Matter]:
    if left is None or left.state == "live":
        return
    if left.available <= 0:
        words, why = _("The balance is used up"), _("Calls are refused until you top up")
    else:
        words = _("The balance is low")
        why = _("%(amount)s left") % {"amount": amount(left.available, PERIOD)}
    yield Matter(words, why, _page(request, "billing"))


def _spending(request: TeamRequest, left: Balance) -> Iterator[Matter]:
    """A cap that is nearly reached, a card that does not pay."""
    page = _page(request, "billing")
    cap, auto = left.cap, left.auto
    if cap is not None and cap.is_near:
        words = _("%(share).0f %% of the month's spending cap is used") % {"share": cap.share * 100}
        if cap.is_reached:
            words = _("This month's spending cap is reached.")
        yield Matter(words, _("Calls beyond it are refused"), page, cap.share)
    if auto is not None and auto.problem:
        yield Matter(_("Automatic top-up does not work"), _(auto.problem), page)


def _models(request: TeamRequest) -> Iterator[Matter]:
    visible = ServedModel.objects.visible_to(request.organisation.id)
    for model in visible.filter(state=ServedModel.State.FAILED)[:MOST]:
        words = _("%(model)s could not be loaded") % {"model": model.id}
        yield Matter(words, _("An administrator sees why"), _page(request, "models"))


def _budgets(request: TeamRequest) -> Iterator[Matter]:
    for key, share in spent_shares(request.organisation.id).items():
        if share >= NEAR:
            words = _("%(key)s at %(share).0f %% of its budget") % {
                "key": key.name,
                "share": share * 100,
            }
            why = _("Calls beyond it are refused")
            yield Matter(words, why, _page(request, "api-key", key.id), share)


def spent_shares(organisation_id: str) -> dict[APIKey, float]:
    """Usable keys with a budget, and how much of its current period they have used."""
    usable = APIKey.objects.all().for_organisation(organisation_id).usable()
    keys = {key.meter_id: key for key in usable.filter(budget_nano__gt=0)}
    windows = BudgetWindow.objects.filter(key_id__in=keys).order_by("starts_at")
    used = windows.values("key_id", "period", "starts_at").annotate(spent=Sum("spent"))
    newest = {(row["key_id"], row["period"]): row for row in used}
    shares: dict[APIKey, float] = {}
    for meter, key in keys.items():
        row = newest.get((meter, key.budget_period or ""))
        current = row is not None and is_current(key.budget_period, row["starts_at"])
        shares[key] = row["spent"] / key.budget_nano if row and current and key.budget_nano else 0.0
    return shares


def is_current(period: str | None, starts_at: object) -> bool:
    """Windows of days and months begin at UTC midnight; one of `total` goes on."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today if period == "day" else today.replace(day=1)
    return period == "total" or starts_at == first


def _chatbots(request: TeamRequest) -> Iterator[Matter]:
    """Answers rated down this week; drafts that visitors do not meet yet."""
    week = timezone.now() - timedelta(days=WEEK)
    down = Message.objects.filter(
        organisation=request.organisation, feedback=Message.Feedback.DOWN, created_at__gte=week
    ).count()
    if down:
        words = ngettext("%(n)d answer rated down", "%(n)d answers rated down", down) % {"n": down}
        inbox = f"{_page(request, 'conversations')}?feedback=down&days=7"
        yield Matter(words, _("In the last 7 days"), inbox)
    live = Chatbot.objects.filter(organisation=request.organisation, live__isnull=False)
    for chatbot in live.select_related("live").order_by("-draft_changed_at")[:MOST]:
        if chatbot.differs:
            words = _("%(chatbot)s has an unpublished draft") % {"chatbot": chatbot.title}
            why = _("Visitors meet version %(n)d") % {"n": chatbot.live.number}
            yield Matter(words, why, _page(request, "chatbot", chatbot.name))


def _chatbot_budgets(request: TeamRequest) -> Iterator[Matter]:
    """Those that may rest soon, in the day or the month that runs now."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    current = Q(period="day", starts_at=today) | Q(period="month", starts_at=today.replace(day=1))
    mine = ChatbotWindow.objects.all().for_organisation(request.organisation.id)
    windows = {(row.chatbot_id, row.period): row.spent for row in mine.filter(current)}
    live = Chatbot.objects.filter(pk__in={chatbot for chatbot, _period in windows})
    for chatbot in live.filter(live__isnull=False).select_related("live"):
        budget = Budget.model_validate(chatbot.live.configuration["budget"])
        limits = {"day": budget.day_nano, "month": budget.month_nano}
        for period, limit in limits.items():
            share = windows.get((chatbot.id, period), 0) / limit if limit else 0.0
            if share >= NEAR:
                told = {"chatbot": chatbot.title, "share": share * 100, "period": PERIODS[period]}
                words = _("%(chatbot)s at %(share).0f %% of its %(period)s") % told
                url = _page(request, "chatbot-settings", chatbot.name)
                yield Matter(words, _("Beyond it, it rests"), url, min(share, 1.0))


def _origins(request: TeamRequest) -> Iterator[Matter]:
    """Sites that show a widget and are refused still."""
    week = timezone.now() - timedelta(days=WEEK)
    refused = Seen.objects.filter(
        organisation_id=request.organisation.id, refused__gt=0, last_seen__gte=week
    )
    for site in refused.select_related("chatbot__live").order_by("-refused")[:MOST]:
        live = site.chatbot.live
        known = Configuration.model_validate(live.configuration) if live else None
        if known and not origins.allowed(known, site.origin):
            told = {"n": site.refused, "origin": site.origin.partition("://")[2] or site.origin}
            words = ngettext(
                "%(n)d load refused from %(origin)s", "%(n)d loads refused from %(origin)s",
                site.refused,
            ) % told  # fmt: skip
            why = _("The site is not on the list of %(chatbot)s") % {"chatbot": site.chatbot.title}
            one = None
            if origins.allowed(Configuration.model_validate(site.chatbot.draft), site.origin):
                why = _("In the draft, not published")
            elif "chatbots:write" in request.membership.scopes and origins.parsed(site.origin):
                one = Site(site.chatbot.name, site.origin)
            yield Matter(words, why, _page(request, "chatbot-embed", site.chatbot.name), site=one)


def _files(request: TeamRequest) -> Iterator[Matter]:
    failed = StoreFile.objects.for_organisation(request.organisation.id).filter(
        status=Status.FAILED, store__internal=False
    )
    for entry in failed.select_related("file").order_by("-created_at")[:MOST]:
        words = _("%(name)s could not be read") % {"name": entry.file.filename}
        yield Matter(words, _(entry.error_message), _page(request, "file", entry.file_id))


def _page(request: TeamRequest, name: str, *arguments: str) -> str:
    return reverse(f"dashboard:{name}", args=[request.organisation.slug, *arguments])
