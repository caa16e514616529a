"""Chatbots with the figures of their last seven days: from the usage of the API, summed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import usage
from billing.usage import UsageLine
from chatbots import states
from chatbots.models import Chatbot, Conversation, Message
from chatbots.states import Spent
from dashboard import sorting
from dashboard.paging import Columns

DAYS = 7
LIKED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Row:
    """`liked` is a share of the thumbs of thirty days; None: nobody has given one."""

    chatbot: Chatbot
    kind: str
    words: str
    messages: int
    cost: int
    liked: float | None
    last: datetime | None

    @property
    def each(self) -> int | None:
        return self.cost // self.messages if self.messages else None


@dataclass(frozen=True, slots=True)
class Thumbs:
    up: int
    down: int

    @property
    def share(self) -> float | None:
        return self.up / (self.up + self.down) if self.up + self.down else None


def used(organisation_id: str) -> dict[str, UsageLine]:
    """Of the last seven days, by chatbot."""
    today = timezone.now().date()
    lines = usage.by(
        organisation_id, today - timedelta(days=DAYS - 1), today + timedelta(days=1), ("chatbot",)
    )
    return {line.chatbot: line for line in lines if line.chatbot}


def columns(used: Mapping[str, UsageLine]) -> Columns:
    """Of chatbots that know when the `last` message came."""
    return {
        "name": Lower("title"),
        "messages": sorting.figures({pk: line.requests for pk, line in used.items()}),
        "cost": sorting.figures({pk: line.charged_nano for pk, line in used.items()}),
        "last": Coalesce("last", sorting.NEVER),
    }


def of(organisation_id: str, chatbots: Sequence[Any], used: Mapping[str, UsageLine]) -> list[Row]:
    """A row each, in their order, by a fixed number of queries; they know when the `last` message
    came."""
    liked = thumbs(organisation_id)
    spent = states.spent(chatbots)
    rows = []
    for each in chatbots:
        line = used.get(each.id)
        kind, words = state(each, spent.get(each.id, Spent()))
        messages, cost = (line.requests, line.charged_nano) if line else (0, 0)
        given = liked.get(each.id)
        share = given.share if given else None
        rows.append(Row(each, kind, words, messages, cost, share, each.last))
    return rows


def state_now(chatbot: Chatbot) -> tuple[str, str]:
    """The same of one, which asks what it has spent."""
    return state(chatbot, states.spent([chatbot]).get(chatbot.id, Spent()))


def state(chatbot: Chatbot, spent: Spent) -> tuple[str, str]:
    """How its state is marked, and in which words: the API's states, and whether a draft waits."""
    known = states.state_of(chatbot, spent)
    if known == "paused":
        return "", _("Paused")
    if chatbot.live is None:
        return "", _("Draft only")
    number = {"n": chatbot.live.number}
    if known == "over_budget":
        return "bad", _("Live v%(n)d, over budget") % number
    if chatbot.differs:
        return "look", _("Live v%(n)d, draft differs") % number
    return "live", _("Live v%(n)d") % number


def thumbs(organisation_id: str) -> dict[str, Thumbs]:
    """Of the last thirty days, by chatbot: found from what was rated, which is little beside all
    the conversations that the chatbots have had."""
    since = timezone.now() - timedelta(days=LIKED_DAYS)
    given = Message.objects.filter(
        organisation_id=organisation_id, feedback__isnull=False, created_at__gte=since
    )
    talk = Conversation.objects.filter(pk=OuterRef("conversation"))
    counted = (
        given.order_by()
        .annotate(chatbot=Subquery(talk.values("chatbot")[:1]))
        .values("chatbot")
        .annotate(
            up=Count("pk", filter=Q(feedback="up")), down=Count("pk", filter=Q(feedback="down"))
        )
    )
    return {row["chatbot"]: Thumbs(row["up"], row["down"]) for row in counted}


def newest() -> Subquery:
    """When somebody wrote last: one step into an index for each chatbot, however much was said."""
    talks = Conversation.objects.filter(
        chatbot=OuterRef("pk"), organisation_id=OuterRef("organisation_id"), is_preview=False,
        messages_count__gt=0,
    )  # fmt: skip
    return Subquery(talks.order_by("-last_message_at").values("last_message_at")[:1])
