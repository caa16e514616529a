"""The public home: what this is, models and their prices, and a chatbot to try."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatbots.models import Chatbot
from inference import descriptions
from inference.descriptions import Description
from inference.models import ServedModel

KEPT_SECONDS: Final = 300
"""Speeds are measured anew after so long, by whoever asks first."""
FEWEST_CALLS: Final = 20
"""Of fewer, a speed is a matter of chance and is not shown."""
_PLACES: Final = 3
_ABILITIES: Final = {"chat": "chat", "embeddings": "embeddings", "tools": "tools"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table; milliseconds and tokens a second, None: not measured."""

    model: Description
    is_up: bool
    into: str
    out: str
    abilities: str
    first_token: int | None
    speed: int | None


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    shown = {
        "lines": _lines(),
        "chatbot": _demo(),
        "base": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "home/front.html", shown)


def _demo() -> Chatbot | None:
    """The chatbot that answers visitors of this page, once somebody has published it."""
    found: Chatbot | None = (
        Chatbot.objects.filter(slug=settings.DEMO_CHATBOT, live__isnull=False, paused_at=None)
        .filter(organisation__suspended_at=None).first()
    )  # fmt: skip
    return found


def _lines() -> list[Line]:
    """What is up stands first."""
    speeds = _speeds()
    known = descriptions.of_all(organisation_id="")
    lines = [
        Line(
            model=one,
            is_up=one.status == ServedModel.State.INSTALLED,
            into=_price(one.pricing.input),
            out=_price(one.pricing.output),
            abilities=", ".join(_ABILITIES[c] for c in one.capabilities if c in _ABILITIES),
            first_token=speeds.get(one.id, (None, None))[0],
            speed=speeds.get(one.id, (None, None))[1],
        )
        for one in known
        if one.alias_of is None and one.pricing
    ]
    return sorted(lines, key=lambda line: (not line.is_up, line.model.id))


def _price(usd: str) -> str:
    """One precision for the column; more digits only where they would be lost."""
    return f"${usd}" if len(usd.partition(".")[2]) > _PLACES else f"${Decimal(usd):.{_PLACES}f}"


def _speeds() -> dict[str, tuple[int | None, int | None]]:
    """By model: first token at p95, tokens a second; of everybody's calls of a day."""
    return cache.get_or_set("front.speeds", _measured, KEPT_SECONDS) or {}


def _measured() -> dict[str, tuple[int | None, int | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE, {"fewest": FEWEST_CALLS})
        return {
            model: (None if first is None else round(first), None if rate is None else round(rate))
            for model, first, rate in cursor.fetchall()
        }


_MEASURE: Final = """
SELECT model,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY first_token_ms),
       sum(completion_tokens) FILTER (WHERE duration_ms > first_token_ms) * 1000.0
         / nullif(sum(duration_ms - first_token_ms) FILTER (WHERE duration_ms > first_token_ms), 0)
  FROM billing_hold
 WHERE closed_at >= now() - interval '1 day'
 GROUP BY model
HAVING count(*) >= %(fewest)s
"""
