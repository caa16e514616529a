"""`smarter usage` and `smarter balance`: what was spent, drawn small, and what is left."""

from decimal import Decimal
from typing import Annotated

import typer
from rich.table import Table

from smarter.cli.credentials import client
from smarter.cli.output import Format, Shown, screen, show
from smarter.types import Usage, UsageLine

WIDTH = 30


def balance(output: Shown = Format.TABLE) -> None:
    """Shows what can be spent now, and what is held for running calls."""
    with client() as known:
        show(known.resources.balance(), output)


def usage(
    by: Annotated[str, typer.Option(help="Any of day, model, key, chatbot.")] = "day",
    since: Annotated[str, typer.Option(help="The first day, as 2026-11-01.")] = "",
    until: Annotated[str, typer.Option(help="The first day not counted.")] = "",
    output: Shown = Format.TABLE,
) -> None:
    """Shows requests, tokens and cost by day, model, key or chatbot."""
    groups = [each.strip() for each in by.split(",")]
    with client() as known:
        found = known.resources.usage(group_by=groups, since=since or None, until=until or None)
    if output is Format.TABLE:
        screen.print(_drawn(found))
    else:
        show(found, output)


def _drawn(usage: Usage) -> Table:
    """The lines with a bar each, as long as their share of the dearest one."""
    most = max((Decimal(line.cost) for line in usage.data), default=Decimal(0))
    table = Table(box=None, pad_edge=False, show_footer=True, header_style="bold")
    for name in usage.group_by:
        table.add_column(name.capitalize(), footer="Total" if name == usage.group_by[0] else "")
    requests = sum(line.requests for line in usage.data)
    tokens = sum(map(_tokens, usage.data))
    table.add_column("Requests", footer=f"{requests:,}", justify="right")
    table.add_column("Tokens", footer=f"{tokens:,}", justify="right")
    table.add_column("USD", footer=usage.total_cost, justify="right")
    table.add_column("")
    for line in usage.data:
        length = int(Decimal(line.cost) / most * WIDTH) if most else 0
        names = [str(getattr(line, name) or "-") for name in usage.group_by]
        figures = (f"{line.requests:,}", f"{_tokens(line):,}", line.cost)
        table.add_row(*names, *figures, "█" * length)
    return table


def _tokens(line: UsageLine) -> int:
    return line.prompt_tokens + line.completion_tokens


def add_to(application: typer.Typer) -> None:
    application.command("balance")(balance)
    application.command("usage")(usage)
