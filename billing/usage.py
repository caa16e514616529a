"""What was used: tokens, requests and charges of a period; and the roll-up by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection

from billing.models import UsageWatermark

DIMENSIONS: Final = ("day", "model", "key", "chatbot")


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Sums of one group; a dimension that was not asked for is None."""

    day: date | None
    model: str | None
    key: str | None
    chatbot: str | None
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    charged_nano: int


def by(
    organisation_id: str, since: date, until: date, group_by: Sequence[str] = ("day",)
) -> list[UsageLine]:
    """Usage of the half-open period of UTC days, one line for each group, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            _USAGE,
            {
                "organisation": organisation_id,
                "since": since,
                "until": until,
                "group_by": list(group_by),
            },
        )
        return [UsageLine(*row[:4], *map(int, row[4:])) for row in cursor.fetchall()]


def roll_up() -> date:
    """Sum the days that have ended into UsageDaily; the first day that is not summed yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_roll_up()")
        day: date = cursor.fetchone()[0]
    return day


def rebuild() -> date:
    """Throw the roll-up away and make it again from the holds."""
    UsageWatermark.objects.update(day=date(1970, 1, 1))
    return roll_up()


# Finished days from the roll-up, the days since its watermark from the holds themselves.
_USAGE: Final = """
WITH mark AS (
  SELECT coalesce((SELECT day FROM billing_usagewatermark), date '1970-01-01') AS day
), lines AS (
  SELECT u.day, u.model, u.key_id, u.chatbot_id, u.requests, u.prompt_tokens, u.cached_tokens,
         u.completion_tokens, u.charged
  FROM billing_usagedaily u, mark
  WHERE u.organisation_id = %(organisation)s AND u.day < mark.day
    AND u.day >= %(since)s AND u.day < %(until)s
  UNION ALL
  SELECT h.day, h.model, h.key_id, h.chatbot_id, h.requests, h.prompt_tokens, h.cached_tokens,
         h.completion_tokens, h.charged
  FROM ledger_usage h, mark
  WHERE h.organisation_id = %(organisation)s
    AND h.closed_at >= greatest(mark.day, %(since)s)::timestamp AT TIME ZONE 'UTC'
    AND h.closed_at < %(until)s::timestamp AT TIME ZONE 'UTC'
)
SELECT CASE WHEN 'day' = ANY (%(group_by)s) THEN day END,
       CASE WHEN 'model' = ANY (%(group_by)s) THEN model END,
       CASE WHEN 'key' = ANY (%(group_by)s) THEN key_id END,
       CASE WHEN 'chatbot' = ANY (%(group_by)s) THEN chatbot_id END,
       sum(requests), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(charged)
FROM lines GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
