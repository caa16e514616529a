"""Readers in other processes say that they read an answer."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("chatbots", "0005_rare_messages")]

    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="message",
            name="heard_at",
            field=models.DateTimeField(null=True, help_text="By readers in other processes."),
        ),
    ]
