"""The rules that live in the database: append-only rows, zero sums, tenancy, and the ledger's functions."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


def run(name: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("billing", "0001_ledger"),
        ("accounts", "0003_meters"),
    ]

    operations: ClassVar[list[Operation]] = [
        run("book.sql"),
        run("tenancy.sql"),
        run("hold.sql"),
        run("close.sql"),
        run("usage.sql"),
    ]
