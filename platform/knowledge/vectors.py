"""Chunks that mean what a question means: which model reads them, and the nearest of its vectors.

Vectors carry the model that made them, and a question is compared with its own model's alone: when
the model changes, chunks are found by their words until they have been embedded anew. A store is
searched exactly, vector by vector; a vector takes two bytes a dimension.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import F, OuterRef, Q, Subquery

from inference.embedding import CAPABILITY
from inference.models import ServedModel
from knowledge.models import StoreFile, StoreFileQuerySet, Vector
from knowledge.scopes import Ranked, Scope

OFF: Final = "off"
_known: list[bool] = []


def available() -> bool:
    """Has this database the table? Asked until it has."""
    if not _known:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [Vector._meta.db_table])  # noqa: SLF001 - Django's documented name of it
            if not cursor.fetchone()[0]:
                return False
        _known.append(True)
    return True


def model_of(organisation_id: str) -> str | None:
    """The id of the model that reads this organisation's texts; None: they are not embedded."""
    if settings.KNOWLEDGE_EMBEDDING_MODEL == OFF or not available():
        return None
    first: str | None = _models(Q(organisation=None) | Q(organisation_id=organisation_id)).first()
    return first


def behind() -> StoreFileQuerySet:
    """Files that were read and have no vectors of the model that is there now."""
    files: StoreFileQuerySet = StoreFile.objects.all().completed()
    if settings.KNOWLEDGE_EMBEDDING_MODEL == OFF or not available():
        return files.none()
    current = _models(Q(organisation=None) | Q(organisation_id=OuterRef("organisation_id")))
    named = files.annotate(current=Subquery(current[:1])).filter(current__isnull=False)
    waiting: StoreFileQuerySet = named.exclude(embedded_by=F("current"))
    return waiting


def rank(scope: Scope, model: str, question: Sequence[float], limit: int) -> list[Ranked]:
    """The nearest chunks first, at most `limit`; the score is the cosine, 0 if it is negative."""
    with connection.cursor() as cursor:
        cursor.execute(
            _NEAREST,
            {**scope.values, "model": model, "question": written(question), "limit": limit},
        )
        return [Ranked(chunk_id, max(0.0, float(score))) for chunk_id, score in cursor.fetchall()]


def written(vector: Sequence[float]) -> str:
    """As Postgres reads it; half precision keeps three digits."""
    return f"[{','.join(f'{number:.5g}' for number in vector)}]"


def _models(visible: Q) -> Any:
    """Ids: the one that is named by the settings, or encoders (which only embed), the oldest first.

    What chat models make of texts is no help in finding them.
    """
    installed = ServedModel.objects.installed().filter(visible)
    if name := settings.KNOWLEDGE_EMBEDDING_MODEL:
        installed = installed.filter(pk=name, capabilities__contains=[CAPABILITY])
    else:
        installed = installed.filter(capabilities=[CAPABILITY])
    return installed.order_by("created_at", "pk").values_list("pk", flat=True)


# A chunk may have several parts: the one that is nearest counts.
_NEAREST: Final = """
SELECT chunk_id, 1 - min(embedding <=> %(question)s::halfvec) AS likeness
  FROM knowledge_vector
 WHERE organisation_id = %(organisation)s AND store_id = ANY(%(stores)s)
   AND (%(files)s::bigint[] IS NULL OR store_file_id = ANY(%(files)s))
   AND model = %(model)s AND vector_dims(embedding) = vector_dims(%(question)s::halfvec)
   AND l2_norm(embedding) > 0
 GROUP BY chunk_id ORDER BY likeness DESC, chunk_id LIMIT %(limit)s
"""
