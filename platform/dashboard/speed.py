"""How fast answers came: measured on the team's own calls, never on more than a bounded number."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection

SAMPLE: Final = 5_000
"""The newest calls of a period: so the question costs the same with a million of them."""

DAY_SAMPLE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Speed:
    """`tokens_per_second` while an answer is written; milliseconds; None: not measured."""

    model: str | None
    calls: int
    first_token_p50: float | None
    first_token_p95: float | None
    duration_p50: float | None
    duration_p95: float | None
    tokens_per_second: float | None


def overall(organisation_id: str, since: datetime, until: datetime) -> Speed:
    return _ask(_OVERALL, organisation_id, since, until)[0]


def by_model(organisation_id: str, since: datetime, until: datetime) -> dict[str, Speed]:
    found = _ask(_BY_MODEL, organisation_id, since, until)
    return {speed.model: speed for speed in found if speed.model}


def by_day(
    organisation_id: str, since: datetime, until: datetime, sample: int = DAY_SAMPLE
) -> list[tuple[date, Speed]]:
    """The newest day first, each by so many of its newest calls; from UTC midnights on."""
    found = _rows(_BY_DAY, organisation_id, since, until, sample)
    return [(row[0].date(), _speed((None, *row[1:]))) for row in found]


def _ask(sql: str, organisation_id: str, since: datetime, until: datetime) -> list[Speed]:
    return [_speed(row) for row in _rows(sql, organisation_id, since, until, SAMPLE)]


def _rows(
    sql: str, organisation_id: str, since: datetime, until: datetime, sample: int
) -> list[tuple[Any, ...]]:
    asked: dict[str, str | datetime | int] = {
        "organisation": organisation_id,
        "since": since,
        "until": until,
        "sample": sample,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _speed(row: tuple[Any, ...]) -> Speed:
    return Speed(row[0], row[1], *map(_number, row[2:]))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


_MEASURES: Final = """
       count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_token_ms),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY first_token_ms),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms),
       sum(completion_tokens) FILTER (WHERE duration_ms > first_token_ms) * 1000.0
         / nullif(sum(duration_ms - first_token_ms) FILTER (WHERE duration_ms > first_token_ms), 0)
"""
_NEWEST: Final = """
WITH newest AS (
  SELECT model, first_token_ms, duration_ms, completion_tokens FROM billing_hold
   WHERE organisation_id = %(organisation)s AND closed_at IS NOT NULL
     AND closed_at >= %(since)s AND closed_at < %(until)s
   ORDER BY closed_at DESC LIMIT %(sample)s
)
"""
_BY_DAY: Final = f"""
WITH days AS (
  SELECT generate_series(%(since)s, %(until)s - interval '1 day', interval '1 day') AS day
)
SELECT day, {_MEASURES}
  FROM days, LATERAL (
    SELECT first_token_ms, duration_ms, completion_tokens FROM billing_hold
     WHERE organisation_id = %(organisation)s AND closed_at IS NOT NULL
       AND closed_at >= day AND closed_at < day + interval '1 day'
     ORDER BY closed_at DESC LIMIT %(sample)s
  ) AS newest
 GROUP BY day ORDER BY day DESC
"""  # noqa: S608 - constants of ours
_OVERALL: Final = f"{_NEWEST} SELECT null, {_MEASURES} FROM newest"  # noqa: S608 - constants of ours
_BY_MODEL: Final = f"{_NEWEST} SELECT model, {_MEASURES} FROM newest GROUP BY model"  # noqa: S608 - as above
