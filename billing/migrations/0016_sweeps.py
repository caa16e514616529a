"""A sweep leaves the holds of a locked account to the next one, and closes the others."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0015_undone_refunds")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL((SQL / "close.sql").read_text(), migrations.RunSQL.noop)
    ]
