"""A hold finds out whether the key of its call is as its process remembers it."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("billing", "0013_free_calls"), ("accounts", "0010_good_keys"),
    ]  # fmt: skip

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL((SQL / "hold.sql").read_text(), migrations.RunSQL.noop)
    ]
