"""The database refuses an upload that became another organisation's file."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = """
ALTER TABLE files_upload
  ADD CONSTRAINT upload_file FOREIGN KEY (organisation_id, file_id)
    REFERENCES files_storedfile (organisation_id, id)
    DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("files", "0001_files")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL(SQL, "ALTER TABLE files_upload DROP CONSTRAINT upload_file")
    ]
