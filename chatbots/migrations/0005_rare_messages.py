"""Rated and failed messages are few, and found without reading the others."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("chatbots", "0004_notes")]

    operations: ClassVar[list[Operation]] = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("feedback__isnull", False)),
                fields=["organisation", "created_at"],
                name="messages_rated",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status__in", ["failed", "incomplete"])),
                fields=["organisation", "created_at"],
                name="messages_failed",
            ),
        ),
    ]
