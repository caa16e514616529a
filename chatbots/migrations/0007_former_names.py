"""Chatbots are renamed, and their old links and calls go on."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

RULE = """
ALTER TABLE chatbots_formername
  ADD CONSTRAINT former_name_chatbot FOREIGN KEY (organisation_id, chatbot_id)
    REFERENCES chatbots_chatbot (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("chatbots", "0006_heard")]

    operations: ClassVar[list[Operation]] = [
        migrations.CreateModel(
            name="FormerName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("slug", models.CharField(max_length=80, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "chatbot",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="former_names",
                        to="chatbots.chatbot",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={"ordering": ["-created_at", "-id"]},
        ),
        migrations.AddConstraint(
            model_name="formername",
            constraint=models.UniqueConstraint(
                fields=("organisation", "name"), name="former_names_differ"
            ),
        ),
        migrations.RunSQL(
            RULE, "ALTER TABLE chatbots_formername DROP CONSTRAINT former_name_chatbot"
        ),
    ]
