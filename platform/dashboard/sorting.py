"""Which column a list is sorted by: `?sort=name` or `?sort=-name`, the largest or newest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

PARAMETER: Final = "sort"


@dataclass(frozen=True, slots=True)
class Sort:
    """`column` is empty where the list stands in an order of its own."""

    column: str = ""
    descending: bool = True

    @property
    def order(self) -> Literal["asc", "desc"]:
        return "desc" if self.descending else "asc"

    def direction_of(self, column: str) -> str:
        """As `aria-sort` has it; empty for the other columns."""
        if column != self.column:
            return ""
        return "descending" if self.descending else "ascending"

    def next(self, first: str) -> str:
        """The parameter that a click on a column's head asks for; `first` is that of the first."""
        column = first.removeprefix("-")
        if column != self.column:
            return first
        return column if self.descending else f"-{column}"


def of(query: Mapping[str, str], columns: Collection[str], usual: str = "") -> Sort:
    """What is no column of the list changes nothing; `usual` is how the list stands unasked."""
    asked = query.get(PARAMETER, "")
    if asked.removeprefix("-") not in columns:
        asked = usual
    return Sort(asked.removeprefix("-"), asked.startswith("-") or not asked)
