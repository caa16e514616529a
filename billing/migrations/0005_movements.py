"""Movements that are no charges are few, and found without reading the charges."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("billing", "0004_chatbot_windows")]

    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            model_name="journal",
            index=models.Index(
                condition=models.Q(("kind", "charge"), _negated=True),
                fields=["organisation", "kind"],
                name="movements",
            ),
        ),
    ]
