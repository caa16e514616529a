"""Visitors of a team's chatbots in the last days, beside the days before; visits a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

KEPT_SECONDS: Final = 60
"""Telling people apart reads every conversation of the period: once a minute is enough."""


@dataclass(frozen=True, slots=True)
class Visits:
    """`visitors` counts each person once; `by_day` counts conversations, the oldest day first."""

    visitors: int
    before: int
    by_day: tuple[int, ...]

    @property
    def change(self) -> float | None:
        return self.visitors / self.before - 1 if self.before else None


def of(organisation_id: str, days: int) -> Visits:
    today = timezone.now().date()
    name = f"visits.{organisation_id}.{days}.{today}"
    found: Visits | None = cache.get(name)
    if found is None:
        found = _count(organisation_id, today, days)
        cache.set(name, found, KEPT_SECONDS)
    return found


def _count(organisation_id: str, today: date, days: int) -> Visits:
    begin = today - timedelta(days=days - 1)
    asked: dict[str, str | date] = {
        "organisation": organisation_id,
        "begin": begin,
        "before": begin - timedelta(days=days),
    }
    with connection.cursor() as cursor:
        cursor.execute(_VISITORS, asked)
        visitors, before = cursor.fetchone() or (0, 0)
        cursor.execute(_A_DAY, asked)
        talks = dict(cursor.fetchall())
    every = tuple(talks.get(begin + timedelta(days=n), 0) for n in range(days))
    return Visits(visitors, before, every)


_TALKS: Final = """
  FROM chatbots_conversation
 WHERE organisation_id = %(organisation)s AND NOT is_preview AND messages_count > 0
"""
_VISITORS: Final = f"""
WITH people AS (
  SELECT max(last_message_at) >= %(begin)s AS late, min(last_message_at) < %(begin)s AS early
  {_TALKS} AND last_message_at >= %(before)s
  GROUP BY coalesce(visitor_id, id)
)
SELECT count(*) FILTER (WHERE late), count(*) FILTER (WHERE early) FROM people
"""  # noqa: S608 - a constant of ours
_A_DAY: Final = f"""
SELECT (last_message_at AT TIME ZONE 'UTC')::date, count(*)
{_TALKS} AND last_message_at >= %(begin)s GROUP BY 1
"""
