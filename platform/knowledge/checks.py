"""What `manage.py check --database default` says about search."""

from collections.abc import Sequence
from typing import Any, Final

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name for it
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from knowledge import vectors

_MAKES_THEM: Final = ("knowledge", "0005_vectors")


def vectors_can_be_kept(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases or vectors.available() or not _were_tried():
        return []
    return [
        Warning(
            "This database cannot keep vectors: vector stores are searched by words alone.",
            hint="Install pgvector 0.7 or later in Postgres and have its administrator run CREATE "
            "EXTENSION vector; then: manage.py migrate knowledge 0004, and manage.py migrate.",
            id="knowledge.W001",
        )
    ]


def _were_tried() -> bool:
    """Not by a database that is about to be migrated for the first time, which is checked, too."""
    return _MAKES_THEM in MigrationRecorder(connection).applied_migrations()
