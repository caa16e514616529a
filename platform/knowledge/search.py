"""Search in vector stores: the best chunks, each with where it stands, so that it can be cited."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections

from knowledge import full_text
from knowledge.filters import Comparison, Compound, Membership, Value
from knowledge.full_text import Scope
from knowledge.models import Chunk, Status, StoreFile

RESULTS: Final = 10  # unless asked otherwise


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` between 0 and 1; `place` counts the file's chunks from 0, `page` its pages from 1."""

    score: float
    chunk_id: int
    text: str
    store_id: str
    file_id: str
    filename: str
    attributes: Mapping[str, Value]
    place: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Passage:
    """What a model is given to answer from; `chunk_id` opens it, `page` counts from 1."""

    text: str
    file_id: str
    filename: str
    chunk_id: int
    page: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Wish:
    most: int = RESULTS
    least_score: float = 0
    filters: Comparison | Membership | Compound | None = None


def search(
    organisation_id: str,
    store_ids: Sequence[str],
    query: str | Sequence[str],
    wish: Wish = Wish(),
) -> list[Hit]:
    """The best chunks of the organisation's stores, the best first; of several queries a chunk
    counts by the one that it answers best. Stores of others hold nothing."""
    scope = Scope(organisation_id, store_ids, _files(organisation_id, store_ids, wish))
    scores: dict[int, float] = {}
    for one in [query] if isinstance(query, str) else query:
        # Vectors' ranks join these by reciprocal rank where an embedding model is installed.
        for ranked in full_text.rank(scope, one, wish.most):
            if ranked.score >= wish.least_score:
                scores[ranked.chunk_id] = max(ranked.score, scores.get(ranked.chunk_id, 0))
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[: wish.most]
    return _hits(organisation_id, {chunk: scores[chunk] for chunk in best})


async def passages(
    organisation_id: str, store_ids: Sequence[str], query: str, limit: int
) -> list[Passage]:
    """For a model to answer from, the best first: of the organisation's stores, internal or not."""
    hits = await asyncio.to_thread(_found, organisation_id, store_ids, query, Wish(most=limit))
    return [
        Passage(hit.text, hit.file_id, hit.filename, hit.chunk_id, hit.page, hit.score)
        for hit in hits
    ]


def _found(*asked: Any) -> list[Hit]:
    """In a thread of its own, whose connection nobody else would close."""
    try:
        return search(*asked)
    finally:
        connections.close_all()


def _files(organisation_id: str, store_ids: Sequence[str], wish: Wish) -> list[int] | None:
    if wish.filters is None:
        return None
    files = StoreFile.objects.all().for_organisation(organisation_id)
    there = files.filter(store_id__in=store_ids, status=Status.COMPLETED)
    return [
        pk for pk, attributes in there.values_list("pk", "attributes").iterator()
        if wish.filters.accepts(attributes)
    ]  # fmt: skip


def _hits(organisation_id: str, scores: Mapping[int, float]) -> list[Hit]:
    chunks = Chunk.objects.filter(organisation_id=organisation_id).select_related(
        "store_file__file"
    )
    found = chunks.defer("words").in_bulk(list(scores))
    return [_hit(found[pk], score) for pk, score in scores.items() if pk in found]


def _hit(chunk: Chunk, score: float) -> Hit:
    file = chunk.store_file
    return Hit(
        score=score,
        chunk_id=chunk.pk,
        text=chunk.text,
        store_id=chunk.store_id,
        file_id=file.file_id,
        filename=file.file.filename,
        attributes=file.attributes,
        place=chunk.place,
        page=chunk.page,
    )
