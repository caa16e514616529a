"""Which column a list is sorted by: `?sort=name` or `?sort=-name`, the largest or newest first."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from django.db.models import BigIntegerField, DateTimeField, F, Func, Value
from django.db.models.functions import Coalesce

PARAMETER: Final = "sort"
NEVER: Final = Value(datetime(1970, 1, 1, tzinfo=UTC), DateTimeField())
"""For moments that have not come, so that they can be compared."""


@dataclass(frozen=True, slots=True)
class Sort:
    """`column` is empty where the list stands in an order of its own."""

    column: str = ""
    descending: bool = True

    @property
    def order(self) -> Literal["asc", "desc"]:
        return "desc" if self.descending else "asc"

    @property
    def direction(self) -> str:
        """As `aria-sort` has it."""
        return "descending" if self.descending else "ascending"

    def direction_of(self, column: str) -> str:
        """Empty for the other columns."""
        return self.direction if column == self.column else ""

    def next(self, first: str) -> str:
        """The parameter that a click on a column's head asks for; `first` is that of the first."""
        column = first.removeprefix("-")
        if column != self.column:
            return first
        return column if self.descending else f"-{column}"


UNSORTED: Final = Sort()


def of(query: Mapping[str, str], columns: Collection[str], usual: str = "") -> Sort:
    """What is no column of the list changes nothing; `usual` is how the list stands unasked."""
    asked = query.get(PARAMETER, "")
    if asked.removeprefix("-") not in columns:
        asked = usual
    return Sort(asked.removeprefix("-"), asked.startswith("-") or not asked)


def figures(by_id: Mapping[str, int]) -> Coalesce:
    """What was summed elsewhere, such as usage, as a column of the rows with these ids."""
    found = Func(
        Value(json.dumps(by_id)), F("pk"),
        template="(%(expressions)s)::bigint", arg_joiner="::jsonb ->> ",
        output_field=BigIntegerField(),
    )  # fmt: skip
    return Coalesce(found, 0)
