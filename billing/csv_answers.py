"""Answers as tables, for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from api.errors import InvalidRequest


def wants_csv(request: Request) -> bool:
    """`?format=csv`, or an Accept header that names text/csv. Raises InvalidRequest."""
    asked = request.query_params.get("format")
    if asked not in {None, "json", "csv"}:
        raise InvalidRequest("'format' is json or csv.", param="format")
    return asked == "csv" or (asked is None and "text/csv" in request.headers.get("Accept", ""))


def csv_answer(name: str, rows: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """`name`.csv with a line for each row, under the rows' own names; empty without rows."""
    text = io.StringIO()
    if rows:
        columns = [column for column in rows[0] if column != "object"]
        table = csv.DictWriter(text, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _harmless(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe; amounts stay."""
    if isinstance(value, str) and value[:1] in {"=", "@", "\t", "\r", "+"}:
        return f"'{value}"
    return value
