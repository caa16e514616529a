"""Vectors made by the paid verb: of a file's chunks, kept as they are charged, and of questions."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

from accounts.authentication import Caller
from api import database
from api.errors import InternalError, InvalidRequest
from inference import catalog
from inference import embedding as paid
from inference.catalog import CatalogEntry
from inference.engines.base import Embedded
from inference.reading import Reading
from knowledge import chunking
from knowledge.models import Stage, StoreFile
from knowledge.vectors import written

AT_ONCE: Final = 8  # chunks that are paid and kept together
BYTES_PER_TOKEN: Final = 3  # fewer than in most texts; where they are more, parts are halved
LEAST_BYTES: Final = 16
Chunks = Sequence[tuple[int, str]]
Made = TypeVar("Made")


class Lost(InternalError):
    """Another worker has the file, or it is gone: the vectors are not kept, and so not paid."""


@dataclass(frozen=True, slots=True)
class Part:
    chunk_id: int
    number: int
    text: str


def embed(file: StoreFile, model: str, leaving: Callable[[], bool]) -> bool:
    """Give all chunks of a claimed file vectors of this model; False when the process is `leaving`.

    What was kept before is not made again. Raises ApiError: the rest has none.
    """
    return asyncio.run(_embed(file, model, leaving))


async def of_questions(
    payer: Caller | str, organisation_id: str, model: str, questions: Sequence[str]
) -> "list[array[float]]":
    """Of one that is too long for the model its beginning. Raises ApiError."""
    entry = await catalog.find(model, organisation_id)

    async def ask(size: int) -> "list[array[float]]":
        texts = [(chunking.parts(question, size) or [question])[0] for question in questions]
        return (await paid.embed(payer, entry, texts)).vectors

    return await _fitting(entry, ask)


async def _embed(file: StoreFile, model: str, leaving: Callable[[], bool]) -> bool:
    try:
        entry = await catalog.find(model, file.organisation_id)
        await _begin(file, entry.id)
        while chunks := await _next(file, entry.id):
            if leaving():
                return False
            await _fitting(entry, partial(_piece, file, entry, chunks))
    finally:
        await paid.close()
    return True


async def _fitting(entry: CatalogEntry, ask: Callable[[int], Awaitable[Made]]) -> Made:
    """`ask` with as many bytes a part as the model takes; what it refuses costs nothing."""
    size = entry.context_window * BYTES_PER_TOKEN
    while True:
        try:
            return await ask(size)
        except InvalidRequest as refusal:
            if refusal.error_code != "context_length_exceeded" or size < LEAST_BYTES:
                raise
            size //= 2


async def _begin(file: StoreFile, model: str) -> None:
    async with database.connection() as connection:
        values = {"file": file.pk, "model": model, "stage": Stage.EMBEDDING.value}
        await connection.execute(_BEGIN, values)


async def _next(file: StoreFile, model: str) -> Chunks:
    async with database.connection() as connection:
        values = {"file": file.pk, "model": model, "most": AT_ONCE}
        return await (await connection.execute(_NEXT, values)).fetchall()


async def _piece(file: StoreFile, entry: CatalogEntry, chunks: Chunks, size: int) -> None:
    parts = [
        Part(chunk_id, number, text)
        for chunk_id, whole in chunks
        for number, text in enumerate(chunking.parts(whole, size))
    ]
    keep = partial(_keep, file, entry.id, parts)
    texts = [part.text for part in parts]
    await paid.embed(file.organisation_id, entry, texts, finish=keep)


async def _keep(
    file: StoreFile,
    model: str,
    parts: Sequence[Part],
    made: Reading,
    connection: database.Connection,
) -> None:
    """In the transaction that charges; the file's row is locked, so it cannot go meanwhile."""
    chunks = sorted({part.chunk_id for part in parts})
    row = {"file": file.pk, "holder": file.holder, "chunks": chunks, "cost": made.cost}
    if (await connection.execute(_MINE, row)).rowcount != 1:
        raise Lost("Another worker embeds this file, or it is gone.")
    await connection.execute(_FORGET, row)
    vectors = cast("Embedded", made.result).vectors
    columns = {
        "model": model,
        "ids": [part.chunk_id for part in parts],
        "numbers": [part.number for part in parts],
        "vectors": [written(vector) for vector in vectors],
    }
    await connection.execute(_INSERT, columns)


_BEGIN: Final = """
    UPDATE knowledge_storefile SET stage = %(stage)s,
           of = (SELECT count(*) FROM knowledge_chunk WHERE store_file_id = %(file)s),
           done = (SELECT count(DISTINCT chunk_id) FROM knowledge_vector
                    WHERE store_file_id = %(file)s AND model = %(model)s)
     WHERE id = %(file)s
"""
_NEXT: Final = """
    SELECT chunk.id, chunk.text FROM knowledge_chunk AS chunk
     WHERE chunk.store_file_id = %(file)s
       AND NOT EXISTS (SELECT FROM knowledge_vector AS vector
                        WHERE vector.chunk_id = chunk.id AND vector.model = %(model)s)
     ORDER BY chunk.place LIMIT %(most)s
"""
# Whoever gets somewhere may be interrupted as often as it happens.
_MINE: Final = """
    UPDATE knowledge_storefile SET done = done + cardinality(%(chunks)s::bigint[]), attempts = 0,
           cost_nano = cost_nano + %(cost)s
     WHERE id = %(file)s AND holder = %(holder)s AND holder <> ''
"""
_FORGET: Final = "DELETE FROM knowledge_vector WHERE chunk_id = ANY(%(chunks)s)"
_INSERT: Final = """
    INSERT INTO knowledge_vector
           (chunk_id, part, organisation_id, store_id, store_file_id, model, embedding)
    SELECT chunk.id, made.number, chunk.organisation_id, chunk.store_id, chunk.store_file_id,
           %(model)s, made.vector::halfvec
      FROM unnest(%(ids)s::bigint[], %(numbers)s::smallint[], %(vectors)s::text[])
           AS made (chunk, number, vector)
      JOIN knowledge_chunk AS chunk ON chunk.id = made.chunk
"""
