"""What `manage.py check --database default` says about search."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name for it

from knowledge import vectors


def vectors_can_be_kept(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases or vectors.available():
        return []
    return [
        Warning(
            "This database cannot keep vectors: vector stores are searched by words alone.",
            hint="Install pgvector 0.7 or later in Postgres and have its administrator run CREATE "
            "EXTENSION vector; then: manage.py migrate knowledge 0004, and manage.py migrate.",
            id="knowledge.W001",
        )
    ]
