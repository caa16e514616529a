"""Is a chatbot answering? And what has it cost in the current day and month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils import timezone

from billing.models import ChatbotWindow
from chatbots.configuration import Budget
from chatbots.models import Chatbot

State = Literal["draft_only", "live", "paused", "over_budget"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Nano-dollars of the UTC day and month that are now."""

    day: int = 0
    month: int = 0


def spent(chatbots: Iterable[Chatbot]) -> dict[str, Spent]:
    """By chatbot; those that have cost nothing are left out."""
    rows = list(chatbots)
    since = month_start()
    windows = ChatbotWindow.objects.filter(
        chatbot_id__in=[row.id for row in rows],
        organisation_id__in={row.organisation_id for row in rows},
        starts_at__gte=since,
    )
    days: dict[str, int] = {}
    months: dict[str, int] = {}
    for window in windows:
        if window.period == "month":
            months[window.chatbot_id] = window.spent
        elif window.starts_at >= day_start():
            days[window.chatbot_id] = window.spent
    return {name: Spent(days.get(name, 0), month) for name, month in months.items()}


def over_budget(organisation_id: str) -> list[str]:
    """The chatbots of the organisation that rest until their day or month ends."""
    windows = ChatbotWindow.objects.all().for_organisation(organisation_id)
    paid = windows.filter(starts_at__gte=month_start()).values("chatbot_id")
    mine = Chatbot.objects.all().for_organisation(organisation_id)
    rows = list(mine.filter(pk__in=paid, live__isnull=False).select_related("live"))
    so_far = spent(rows)
    return [row.id for row in rows if state_of(row, so_far.get(row.id, Spent())) == "over_budget"]


def state_of(chatbot: Chatbot, so_far: Spent) -> State:
    if chatbot.paused_at is not None:
        return "paused"
    if chatbot.live is None:
        return "draft_only"
    budget = Budget.model_validate(chatbot.live.configuration.get("budget", {}))
    return "over_budget" if is_over(budget.day_nano, budget.month_nano, so_far) else "live"


def is_over(day: int | None, month: int | None, so_far: Spent) -> bool:
    """Nothing is left of the day's or the month's. The ledger decides on each prompt by itself."""
    over_day = day is not None and so_far.day >= day
    return over_day or (month is not None and so_far.month >= month)


def day_start() -> datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def month_start() -> datetime:
    return day_start().replace(day=1)
