"""The gateway's side of texts that are only read: sent in slices, so that no frame is endless."""

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from inference.engines import texts as limits
from inference.engines.base import Classified, Embedded, InvalidGeneration, Text, Tokenised
from inference.engines.local import frames

SLICE: Final = 256
"""Texts a frame."""


class Asking(Protocol):
    async def ask(
        self, verb: int, *content: object, seconds: float | None = ...
    ) -> tuple[int, Any]: ...


async def tokenise(engine: Asking, texts: Sequence[Text]) -> Tokenised:
    try:
        content = frames.from_texts(texts)
        _, (rows, width) = await engine.ask(frames.TOKENISE, content)
    except (OverflowError, UnicodeEncodeError) as error:
        raise InvalidGeneration(f"The inputs cannot be sent: {error}", limits.PARAM) from error
    return Tokenised([array("i", row) for row in rows], width)


async def embed(engine: Asking, texts: Sequence[Text], tenant: str) -> Embedded:
    made = await _read(engine, texts, tenant)
    if made.labels:
        raise InvalidGeneration("This model classifies; it makes no embeddings.", "model")
    return Embedded(made.numbers, made.tokens)


async def classify(engine: Asking, texts: Sequence[Text], tenant: str) -> Classified:
    made = await _read(engine, texts, tenant)
    if not made.labels:
        raise InvalidGeneration("This model makes embeddings; it classifies nothing.", "model")
    return Classified(made.labels, made.numbers, made.tokens)


@dataclass(frozen=True, slots=True)
class _Read:
    numbers: "list[array[float]]"
    labels: tuple[str, ...]
    tokens: int


async def _read(engine: Asking, texts: Sequence[Text], tenant: str) -> _Read:
    """All slices wait in the engine at once; when one fails, the others are cancelled.

    Whoever asks has a time limit, and the engine's queue a bound.
    """
    rows: Sequence[Text] = texts
    if not texts or any(isinstance(text, str) for text in texts):
        rows = (await tokenise(engine, texts)).texts
    limits.check([len(row) for row in rows], limits.MAX_TOKENS)
    content = frames.from_texts(rows)
    slices = [content[start : start + SLICE] for start in range(0, len(content), SLICE)]
    asked = [
        asyncio.ensure_future(engine.ask(frames.READ, each, tenant, seconds=None))
        for each in slices
    ]
    try:
        answers = [fields for _, fields in await asyncio.gather(*asked)]
    finally:
        for question in asked:
            question.cancel()
    numbers = [vector for made, width, _ in answers for vector in frames.to_vectors(made, width)]
    return _Read(numbers, tuple(answers[0][2]), sum(map(len, rows)))
