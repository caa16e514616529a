"""Holds and closings of a batch are written together, by one statement a table."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


def run(name: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0010_taken_back")]

    operations: ClassVar[list[Operation]] = [
        run("book.sql"),
        run("hold.sql"),
        run("chatbots.sql"),
        run("close.sql"),
    ]
