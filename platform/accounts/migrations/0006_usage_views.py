"""What a member has asked of the usage page and given a name."""

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("accounts", "0005_people_rules")]

    operations: ClassVar[list[Operation]] = [
        migrations.AddField(
            model_name="membership",
            name="usage_views",
            field=models.JSONField(
                blank=True, default=dict, help_text="Queries of the usage page by their names."
            ),
        ),
    ]
