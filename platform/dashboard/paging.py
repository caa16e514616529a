"""Pages of a list by cursor, cut by the same rule as the API's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db.models import Expression, QuerySet

from api import pagination
from dashboard import sorting
from dashboard.sorting import Sort

ROWS: Final = 25
LONGEST_SEARCH: Final = 100
Columns: TypeAlias = Mapping[str, str | Expression]
"""What a list can be sorted by: the name in the query, and a field or figure that is never null;
only the figure that is asked for is worked out."""
_NONE: Final[Columns] = {}


@dataclass(frozen=True, slots=True)
class Page:
    """`newer` and `older` are cursors, empty where nothing follows; `is_narrowed` says that not the
    whole list was asked for."""

    rows: list[Any]
    newer: str
    older: str
    sort: Sort = sorting.UNSORTED
    is_narrowed: bool = False

    def __len__(self) -> int:
        return len(self.rows)


def of(
    queryset: QuerySet[Any],
    query: Mapping[str, str],
    field: str = "created_at",
    rows: int = ROWS,
    columns: Columns = _NONE,
) -> Page:
    """By `field`, the newest first, or by the one of `columns` that the query asks for. Raises
    InvalidRequest for a cursor that is none."""
    sort = sorting.of(query, columns)
    column = columns.get(sort.column, field)
    if not isinstance(column, str):
        queryset, column = queryset.annotate(sorted_by=column), "sorted_by"
    asked = {name: query[name] for name in ("after", "before") if query.get(name)}
    asked |= {"limit": str(rows), "order": sort.order}
    found, more = pagination.page(queryset, asked, column)
    if not found:
        narrowed = any(value for name, value in query.items() if name != sorting.PARAMETER)
        return Page([], "", "", sort, narrowed)
    backwards = "before" in asked and "after" not in asked
    has_newer = more if backwards else "after" in asked
    has_older = True if backwards else more
    return Page(
        found,
        str(found[0].pk) if has_newer else "",
        str(found[-1].pk) if has_older else "",
        sort,
    )


def search(query: Mapping[str, str]) -> str:
    """What was typed into the search field of a list."""
    return query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
