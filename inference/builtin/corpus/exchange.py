"""What a skill makes: one question with its answer, as text and (where it has one) as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Exchange:
    """A user's message and the assistant's answer.

    `as_json` is the answer as a JSON object, for skills that can be asked for it.
    `exact` says that the question holds words to copy: its case must stay, nothing may follow.
    """

    question: str
    answer: str
    as_json: dict[str, object] | None = field(default=None, hash=False)
    exact: bool = False


def chance(rng: Random, probability: float) -> bool:
    """True with the given probability."""
    return rng.random() < probability


def dumps(value: object) -> str:
    """JSON as chat templates write it: one line, a space after each comma, letters unescaped."""
    return json.dumps(value, ensure_ascii=False)


def enumerated(words: Sequence[str]) -> str:
    """`red, green and blue`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
