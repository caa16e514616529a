"""The database keeps organisations apart, and takes what hangs on a store or file along with it."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = """
ALTER TABLE knowledge_filebatch
  ADD CONSTRAINT file_batch_store FOREIGN KEY (organisation_id, store_id)
    REFERENCES knowledge_vectorstore (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE knowledge_storefile
  ADD CONSTRAINT store_file_store FOREIGN KEY (organisation_id, store_id)
    REFERENCES knowledge_vectorstore (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT store_file_file FOREIGN KEY (organisation_id, file_id)
    REFERENCES files_storedfile (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT store_file_batch FOREIGN KEY (organisation_id, batch_id)
    REFERENCES knowledge_filebatch (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE knowledge_chunk
  ADD CONSTRAINT chunk_file FOREIGN KEY (organisation_id, store_id, store_file_id)
    REFERENCES knowledge_storefile (organisation_id, store_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""
BACK = """
ALTER TABLE knowledge_chunk DROP CONSTRAINT chunk_file;
ALTER TABLE knowledge_storefile
  DROP CONSTRAINT store_file_batch, DROP CONSTRAINT store_file_file,
  DROP CONSTRAINT store_file_store;
ALTER TABLE knowledge_filebatch DROP CONSTRAINT file_batch_store;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("knowledge", "0001_vector_stores"),
        ("files", "0002_tenancy"),
    ]

    operations: ClassVar[list[Operation]] = [migrations.RunSQL(SQL, BACK)]
