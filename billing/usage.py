"""What was used: tokens, requests and charges of a period, by day or hour; and the roll-up."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias

from django.db import connection

from billing.models import UsageWatermark

DIMENSIONS: Final = ("day", "hour", "model", "key", "chatbot")
FILTERS: Final = ("model", "key", "chatbot")
ANY: Final = "*"
"""As the chatbot of a filter: whichever it was."""
_EVERYTHING: Final[Mapping[str, str]] = {}
Asked: TypeAlias = str | date | list[str] | None


class UsageLine(NamedTuple):
    """Sums of one group; a dimension that was not asked for is None. A tuple: a quarter of keys and
    days is thousands of them, and a frozen dataclass takes six times as long to make."""

    day: date | None
    hour: datetime | None
    model: str | None
    key: str | None
    chatbot: str | None
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    charged_nano: int


def by(
    organisation_id: str,
    since: date,
    until: date,
    group_by: Sequence[str] = ("day",),
    only: Mapping[str, str] = _EVERYTHING,
    state: str = "answered",
) -> list[UsageLine]:
    """Usage of the half-open period of UTC days, one line for each group, in their order.

    `only` names the model, key or chatbot whose calls count, `state` is one of STATES.
    """
    sql, asked = question(organisation_id, since, until, group_by, only, state)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ORDER BY 1, 2, 3, 4, 5", asked)
        return list(map(UsageLine._make, cursor.fetchall()))


def question(
    organisation_id: str,
    since: date,
    until: date,
    group_by: Sequence[str],
    only: Mapping[str, str],
    state: str,
) -> tuple[str, Mapping[str, Asked]]:
    """The statement of `by` and its parameters, for who sums its lines further: columns as in
    UsageLine, in no order."""
    asked: dict[str, Asked] = {
        "organisation": organisation_id,
        "since": since,
        "until": until,
        "group_by": list(group_by),
        **{name: only.get(name) for name in FILTERS},
    }
    by_hour = state == "answered" and "hour" in group_by
    return (_USAGE_BY_HOUR if by_hour else STATES[state]), asked


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
_LINES: Final = """
WITH lines AS (
  SELECT u.day, NULL::timestamptz AS hour, u.model, u.key_id, u.chatbot_id, u.requests,
         u.prompt_tokens, u.cached_tokens, u.completion_tokens, u.charged
  FROM billing_usagedaily u
  WHERE u.organisation_id = %(organisation)s
    AND u.day < coalesce((SELECT day FROM billing_usagewatermark), date '1970-01-01')
    AND u.day >= %(since)s AND u.day < %(until)s
  UNION ALL
  SELECT h.day, NULL, h.model, h.key_id, h.chatbot_id, h.requests, h.prompt_tokens,
         h.cached_tokens, h.completion_tokens, h.charged
  FROM ledger_usage h
  WHERE h.organisation_id = %(organisation)s
    AND h.closed_at >= greatest((SELECT day FROM billing_usagewatermark), %(since)s)::timestamp
                       AT TIME ZONE 'UTC'
    AND h.closed_at < %(until)s::timestamp AT TIME ZONE 'UTC'
)
"""
# The roll-up knows no hours; a period of hours is short.
_HOURS: Final = """
WITH lines AS (
  SELECT day, date_trunc('hour', closed_at, 'UTC') AS hour, model, key_id, chatbot_id, requests,
         prompt_tokens, cached_tokens, completion_tokens, charged
  FROM ledger_usage
  WHERE organisation_id = %(organisation)s
    AND closed_at >= %(since)s::timestamp AT TIME ZONE 'UTC'
    AND closed_at < %(until)s::timestamp AT TIME ZONE 'UTC'
)
"""
_SUMS: Final = """
SELECT CASE WHEN 'day' = ANY (%(group_by)s) THEN day END,
       CASE WHEN 'hour' = ANY (%(group_by)s) THEN hour END,
       CASE WHEN 'model' = ANY (%(group_by)s) THEN model END,
       CASE WHEN 'key' = ANY (%(group_by)s) THEN key_id END,
       CASE WHEN 'chatbot' = ANY (%(group_by)s) THEN chatbot_id END,
       sum(requests)::bigint, sum(prompt_tokens)::bigint, sum(cached_tokens)::bigint,
       sum(completion_tokens)::bigint, sum(charged)::bigint
  FROM lines
 WHERE (%(model)s::text IS NULL OR model = %(model)s)
   AND (%(key)s::text IS NULL OR key_id = %(key)s)
   AND (%(chatbot)s::text IS NULL OR chatbot_id = %(chatbot)s
        OR %(chatbot)s = '*' AND chatbot_id IS NOT NULL)
 GROUP BY 1, 2, 3, 4, 5
"""
_USAGE: Final = _LINES + _SUMS
_USAGE_BY_HOUR: Final = _HOURS + _SUMS
_FAILED: Final = f"""
WITH lines AS (
  SELECT (closed_at AT TIME ZONE 'UTC')::date AS day, date_trunc('hour', closed_at, 'UTC') AS hour,
         model, key_id, chatbot_id, 1 AS requests, 0 AS prompt_tokens, 0 AS cached_tokens,
         0 AS completion_tokens, 0 AS charged
    FROM billing_hold
   WHERE organisation_id = %(organisation)s AND state IN ('voided', 'expired')
     AND (state = 'voided' OR completion_tokens = 0)
     AND closed_at >= %(since)s::timestamp AT TIME ZONE 'UTC'
     AND closed_at < %(until)s::timestamp AT TIME ZONE 'UTC'
)
{_SUMS}
"""  # noqa: S608 - a constant of ours
_LIMITED: Final = f"""
WITH lines AS (
  SELECT (hour AT TIME ZONE 'UTC')::date AS day, hour, NULL::text AS model, key_id,
         NULL::text AS chatbot_id, calls AS requests, 0 AS prompt_tokens, 0 AS cached_tokens,
         0 AS completion_tokens, 0 AS charged
    FROM accounts_refusal
   WHERE organisation_id = %(organisation)s
     AND hour >= %(since)s::timestamp AT TIME ZONE 'UTC'
     AND hour < %(until)s::timestamp AT TIME ZONE 'UTC'
)
{_SUMS}
"""  # noqa: S608 - as above
STATES: Final = {"answered": _USAGE, "failed": _FAILED, "limited": _LIMITED}
"""What calls can have come to. `failed`: they ended without any answer, and so without a charge.
`limited`: a key's rate limit refused them (429), which is known some seconds after them; they never
reached a model, so of one model or chatbot there are none."""
