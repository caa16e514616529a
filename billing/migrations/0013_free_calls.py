"""Closing a free call changes no window, since it locks no account."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0012_card_digits")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL((SQL / "close.sql").read_text(), migrations.RunSQL.noop)
    ]
