"""Search in vector stores: the best chunks, each with where it stands, so that it can be cited."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from asgiref.sync import async_to_sync
from django.db import connections

from accounts.authentication import Caller
from api.errors import ApiError
from knowledge import embedding, ranking, vectors
from knowledge.filters import Comparison, Compound, Membership, Value
from knowledge.models import Chunk, StoreFile
from knowledge.ranking import Meaning, Question, Weights
from knowledge.scopes import Scope

RESULTS: Final = 10  # unless asked otherwise
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


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
    weights: Weights = field(default_factory=Weights)


async def passages(
    organisation_id: str, store_ids: Sequence[str], query: str, limit: int
) -> list[Passage]:
    """For a model to answer from, the best first: of the organisation's stores, internal or not.

    The organisation pays for the question's vector, where there is a model to make one.
    """
    model = await asyncio.to_thread(_closing, vectors.model_of, organisation_id)
    questions = await _questions(organisation_id, organisation_id, model, [query])
    hits = await asyncio.to_thread(
        _closing, best, organisation_id, store_ids, questions, Wish(most=limit)
    )
    return [
        Passage(hit.text, hit.file_id, hit.filename, hit.chunk_id, hit.page, hit.score)
        for hit in hits
    ]


def search(
    caller: Caller, store_ids: Sequence[str], queries: Sequence[str], wish: Wish
) -> list[Hit]:
    """The best chunks of these stores of the caller's, the best first."""
    organisation_id = caller.organisation_id
    model = vectors.model_of(organisation_id) if wish.weights.vectors else None
    questions = [Question(query) for query in queries]
    if model is not None:
        questions = async_to_sync(_questions)(caller, organisation_id, model, queries)
    return best(organisation_id, store_ids, questions, wish)


async def _questions(
    payer: Caller | str, organisation_id: str, model: str | None, queries: Sequence[str]
) -> list[Question]:
    """With their vectors, if they can be had; nobody goes without an answer for want of them."""
    if model is not None:
        try:
            made = await embedding.of_questions(payer, organisation_id, model, queries)
        except ApiError as refusal:
            logger.warning("words_alone", extra={"model": model, "reason": refusal.message})
        else:
            return [
                Question(query, Meaning(model, vector))
                for query, vector in zip(queries, made, strict=True)
            ]
    return [Question(query) for query in queries]


def _closing(ask: Callable[..., Answer], *asked: Any) -> Answer:
    """In a thread of the loop's, whose connection nobody else would close."""
    try:
        return ask(*asked)
    finally:
        connections.close_all()


def best(
    organisation_id: str, store_ids: Sequence[str], questions: Sequence[Question], wish: Wish
) -> list[Hit]:
    """Of several questions a chunk counts by the one that it answers best."""
    scope = Scope(organisation_id, store_ids, _files(organisation_id, store_ids, wish))
    scores: dict[int, float] = {}
    for question in questions:
        for ranked in ranking.rank(scope, question, wish.weights, wish.most):
            if ranked.score >= wish.least_score:
                scores[ranked.chunk_id] = max(ranked.score, scores.get(ranked.chunk_id, 0))
    first = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[: wish.most]
    return _hits(organisation_id, {chunk: scores[chunk] for chunk in first})


def _files(organisation_id: str, store_ids: Sequence[str], wish: Wish) -> list[int] | None:
    if wish.filters is None:
        return None
    files = StoreFile.objects.all().for_organisation(organisation_id)
    there = files.filter(store_id__in=store_ids, usage_bytes__gt=0)
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
