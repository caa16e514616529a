"""Calls that ended without an answer are few, and found without reading the others."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0005_movements")]

    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("state__in", ["voided", "expired"])),
                fields=["organisation", "closed_at"],
                name="hold_failures",
            ),
        ),
    ]
