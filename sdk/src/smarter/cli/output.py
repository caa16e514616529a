"""Answers on the terminal: a table to read, JSON or YAML to go on with."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, cast

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smarter import BaseModel


class Format(str, Enum):
    """How to show an answer."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Shown = Annotated[Format, typer.Option("--output", "-o", help="How to show it.")]
screen = Console(soft_wrap=False)


def show_all(items: Iterable[BaseModel], columns: Sequence[str], shown: Format) -> None:
    """A list: one row each, or the whole list as data."""
    rows = [each.to_dict(mode="json") for each in items]
    if shown is not Format.TABLE:
        _write(rows, shown)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        is_id = name == "id"  # it is there to be copied
        table.add_column(name.replace("_", " ").capitalize(), overflow="fold", no_wrap=is_id)
    for row in rows:
        table.add_row(*(escape(_cell(row.get(name))) for name in columns))
    screen.print(table if rows else "Nothing here yet.")


def show(item: BaseModel, shown: Format) -> None:
    """One thing: its fields under each other, or as data."""
    fields = item.to_dict(mode="json")
    if shown is not Format.TABLE:
        _write(fields, shown)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in fields.items():
        table.add_row(f"[bold]{escape(name)}[/]", escape(_cell(value)))
    screen.print(table)


def _write(value: Any, shown: Format) -> None:
    if shown is Format.JSON:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    else:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()
    screen.out(text, highlight=False)


def _cell(value: Any) -> str:
    match value:
        case None | [] | {}:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, cast("list[object]", value)))
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case str() if _is_time(value):
            return value[:16].replace("T", " ")
        case _:
            return str(value)


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text.replace("Z", "+00:00"))) and "T" in text
    except ValueError:
        return False
