"""Words and vectors each rank the chunks of a scope; the two rankings become one.

By reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): a chunk's score is the weighted sum
of 1 / (60 + rank), as a share of what the first of both rankings would have. Where one ranking is
asked alone, or there is no other, its own scores stand.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from knowledge import full_text, vectors
from knowledge.scopes import Ranked, Scope

DEPTH: Final = 100  # chunks of each ranking that are fused
CONSTANT: Final = 60


@dataclass(frozen=True, slots=True)
class Meaning:
    """A question's vector, and the model that made it."""

    model: str
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Question:
    """Without a meaning its words alone are searched."""

    words: str
    meaning: Meaning | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """How much a ranking counts; 0: it is not asked."""

    words: float = 1.0
    vectors: float = 1.0


def rank(scope: Scope, question: Question, weights: Weights, limit: int) -> list[Ranked]:
    """The best chunks first, at most `limit`; scores lie between 0 and 1."""
    meaning = question.meaning
    if meaning is None or not weights.vectors:
        return full_text.rank(scope, question.words, limit)
    if not weights.words:
        return vectors.rank(scope, meaning.model, meaning.vector, limit)
    fused = _fused(
        [
            (weights.words, full_text.rank(scope, question.words, DEPTH)),
            (weights.vectors, vectors.rank(scope, meaning.model, meaning.vector, DEPTH)),
        ]
    )
    return fused[:limit]


def _fused(rankings: Sequence[tuple[float, Sequence[Ranked]]]) -> list[Ranked]:
    whole = sum(weight for weight, _ in rankings)
    scores: dict[int, float] = defaultdict(float)
    for weight, ranking in rankings:
        for place, ranked in enumerate(ranking):
            scores[ranked.chunk_id] += weight / whole * (CONSTANT + 1) / (CONSTANT + 1 + place)
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return [Ranked(chunk, scores[chunk]) for chunk in best]
