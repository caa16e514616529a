"""Usage of days or hours by its largest groups: the API's own lines, the rest summed as one.

The database sums them: a year of thirty keys is ten thousand lines, and a page shows five groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection

from billing.usage import Asked, UsageLine

OTHERS: Final = "\0others"


@dataclass(frozen=True, slots=True)
class Grouped:
    """Lines of days or hours in no order, each with the id of its group; `others`: of how many
    groups those are that stand together as OTHERS."""

    lines: list[tuple[str, UsageLine]]
    others: int = 0


def largest(
    question: tuple[str, Mapping[str, Asked]], group: str, metric: str, most: int
) -> Grouped:
    """`question`: of billing.usage, by day or hour and by what `group` is; `most`: how many groups
    are told apart, or one less and all others. What belongs to none has no id."""
    sql, asked = question
    with connection.cursor() as cursor:
        cursor.execute(
            _LARGEST.format(question=sql), {**asked, "group": group, "metric": metric, "most": most}
        )
        rows = cursor.fetchall()
    lines = [(OTHERS if row[0] is None else row[0], UsageLine._make(row[2:])) for row in rows]
    return Grouped(lines, next((row[1] for row in rows if row[0] is None), 0))


# A person is the maker of keys.
_LARGEST: Final = """
WITH told (day, hour, model, key, chatbot, requests, prompt, cached, completion, charged) AS (
  {question}
), grouped AS (
  SELECT coalesce(CASE WHEN %(group)s = 'user' THEN maker.created_by_id
                       ELSE coalesce(model, key, chatbot) END, '') AS id,
         CASE %(metric)s WHEN 'cost' THEN charged WHEN 'tokens' THEN prompt + completion
                         ELSE requests END AS figure,
         told.*
    FROM told LEFT JOIN accounts_apikey maker ON %(group)s = 'user' AND maker.id = told.key
), groups AS (
  SELECT id, count(*) OVER () AS many,
         row_number() OVER (ORDER BY sum(figure) DESC, sum(requests) DESC, id) AS place
    FROM grouped GROUP BY id
)
SELECT CASE WHEN many <= %(most)s OR place < %(most)s THEN id END AS told_apart,
       many - %(most)s + 1, day, hour, NULL, NULL, NULL, sum(requests)::bigint,
       sum(prompt)::bigint, sum(cached)::bigint, sum(completion)::bigint, sum(charged)::bigint
  FROM grouped JOIN groups USING (id)
 GROUP BY told_apart, many, day, hour
"""
