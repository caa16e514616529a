"""Lists as cursor pages: `{object: "list", data, has_more, first_id, last_id}`."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, NamedTuple

from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import InvalidRequest

MAX_LIMIT: Final = 100


class Limits(NamedTuple):
    """How many rows a page has, if nothing is said; and at most."""

    default: int = 20
    most: int = MAX_LIMIT


LIMITS: Final = Limits()
LIMIT_SCHEMA: Final[dict[str, Any]] = {
    "type": "integer", "minimum": 1, "maximum": LIMITS.most, "default": LIMITS.default,
}  # fmt: skip


class CursorPages(BasePagination):
    """DRF pagination by `limit`, `after`, `before` and `order`; a cursor is an id of the list.

    Rows come by the moment named by the view's `cursor_field` (default `created_at`), then by id.
    """

    limits: ClassVar[Limits] = LIMITS
    has_more = False

    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,
    ) -> list[Any]:
        if not isinstance(queryset, QuerySet):
            raise TypeError("Cursor pages are cut from a queryset.")
        field = getattr(view, "cursor_field", "created_at")
        rows, self.has_more = page(queryset, request.query_params, field, self.limits)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(listed(data, has_more=self.has_more))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": "string", "nullable": True}
        return {
            "type": "object",
            "required": ["object", "data", "has_more", "first_id", "last_id"],
            "properties": {
                "object": {"type": "string", "enum": ["list"]},
                "data": schema,
                "has_more": {"type": "boolean"},
                "first_id": cursor,
                "last_id": cursor,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": self.limits.most}),
            _parameter("after", {"type": "string"}),
            _parameter("before", {"type": "string"}),
            _parameter("order", {"type": "string", "enum": ["asc", "desc"]}),
        ]


def listed(data: Sequence[Mapping[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """The list object around rows that each have an `id`."""
    return {
        "object": "list",
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def page(
    queryset: QuerySet[Any],
    query: Mapping[str, str],
    field: str = "created_at",
    limits: Limits = LIMITS,
) -> tuple[list[Any], bool]:
    """One page of `queryset` and whether more follow (in the direction asked for)."""
    limit, newest_first = _limit(query, limits), _newest_first(query)
    backwards = "before" in query and "after" not in query
    rows = queryset
    for name in {"after", "before"} & set(query):
        later = (name == "after") != newest_first
        rows = rows.filter(_beyond(_row(queryset, name, query[name]), field, later=later))
    sign = "-" if newest_first != backwards else ""
    found = list(rows.order_by(f"{sign}{field}", f"{sign}pk")[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    return (found[::-1] if backwards else found), has_more


def cut(
    rows: Sequence[Mapping[str, Any]], query: Mapping[str, str]
) -> tuple[list[Mapping[str, Any]], bool]:
    """The same of a list in memory, the oldest first; a cursor is the `id` of one of its rows."""
    limit, newest_first = _limit(query, LIMITS), _newest_first(query)
    backwards = "before" in query and "after" not in query
    found = list(reversed(rows) if newest_first else rows)
    places = {row["id"]: place for place, row in enumerate(found)}
    for name in ("after", "before"):
        if name in query and query[name] not in places:
            raise unknown_cursor(name)
    begin = places[query["after"]] + 1 if "after" in query else 0
    end = places[query["before"]] if "before" in query else len(found)
    found = found[begin:end]
    kept = found[-limit:] if backwards else found[:limit]
    return kept, len(found) > limit


def _row(queryset: QuerySet[Any], name: str, cursor: str) -> Model:
    """The row that a cursor names; a stranger's is as unknown as one that never was."""
    row: Model | None = None
    with suppress(ValueError):  # no number, in a list whose ids are numbers
        row = queryset.filter(pk=cursor).first() if cursor.isprintable() else None
    if row is None:
        raise unknown_cursor(name)
    return row


def unknown_cursor(name: str) -> InvalidRequest:
    return InvalidRequest(f"No object of this list has the id that '{name}' gives.", param=name)


def _beyond(row: Model, field: str, *, later: bool) -> Q:
    """The bound on the moment alone is what an index can use; the rest decides between equals."""
    direction, moment = "gt" if later else "lt", getattr(row, field)
    beyond = Q(**{f"{field}__{direction}": moment}) | Q(**{f"pk__{direction}": row.pk})
    return Q(**{f"{field}__{direction}e": moment}) & beyond


def _limit(query: Mapping[str, str], limits: Limits) -> int:
    given = query.get("limit", str(limits.default))
    limit = int(given) if re.fullmatch("[0-9]{1,5}", given) else 0
    if not 1 <= limit <= limits.most:
        raise InvalidRequest(f"'limit' is a whole number from 1 to {limits.most}.", param="limit")
    return limit


def _newest_first(query: Mapping[str, str]) -> bool:
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("'order' is asc or desc.", param="order")
    return order == "desc"


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}
