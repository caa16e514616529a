"""Pages of a list by cursor, cut by the same rule as the API's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from api import pagination

ROWS: Final = 25
LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True)
class Page:
    """`newer` and `older` are cursors, empty where nothing follows."""

    rows: list[Any]
    newer: str
    older: str

    def __len__(self) -> int:
        return len(self.rows)


def of(
    queryset: QuerySet[Any], query: Mapping[str, str], field: str = "created_at", rows: int = ROWS
) -> Page:
    """Raises InvalidRequest for a cursor that is none."""
    asked = {name: query[name] for name in ("after", "before") if query.get(name)}
    found, more = pagination.page(queryset, {**asked, "limit": str(rows)}, field)
    if not found:
        return Page([], "", "")
    backwards = "before" in asked and "after" not in asked
    has_newer = more if backwards else "after" in asked
    has_older = True if backwards else more
    return Page(
        found, str(found[0].pk) if has_newer else "", str(found[-1].pk) if has_older else ""
    )


def search(query: Mapping[str, str]) -> str:
    """What was typed into the search field of a list."""
    return query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
