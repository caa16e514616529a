"""A hold or a closing that is alone in its batch is written by plain statements."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0016_sweeps")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL((SQL / "hold.sql").read_text(), migrations.RunSQL.noop),
        migrations.RunSQL((SQL / "close.sql").read_text(), migrations.RunSQL.noop),
    ]
