"""The database refuses a response in another organisation's conversation."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = """
ALTER TABLE inference_response
  ADD CONSTRAINT response_conversation FOREIGN KEY (organisation_id, conversation_id)
    REFERENCES inference_conversation (organisation_id, id)
    DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("inference", "0002_kept_answers")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(SQL, "ALTER TABLE inference_response DROP CONSTRAINT response_conversation")
    ]
