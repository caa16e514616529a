"""Texts read by the scripted engine: a token a word, vectors near where texts share words."""

import math
from array import array
from collections.abc import Iterable, Sequence
from hashlib import sha512
from typing import Final

from inference.engines.base import EngineOverloaded, GenerationFailed, Text

WIDTH: Final = 64
LABELS: Final = ("harassment", "violence", "spam")
SURE, UNSURE = 0.875, 0.125  # exact in a C float


def tokens(text: Text) -> "array[int]":
    words = map(word, text.lower().split()) if isinstance(text, str) else text
    return array("i", words)


def word(text: str) -> int:
    """31 bits of a word's hash."""
    return int.from_bytes(sha512(text.encode()).digest()[:4]) >> 1


def vector(text: Iterable[int]) -> "array[float]":
    """Every word has a direction of its own; a text's is their sum's, of length 1."""
    words = [sha512(token.to_bytes(8)).digest() for token in text]
    sums = [sum(digest[i] - 127.5 for digest in words) for i in range(WIDTH)]
    length = math.hypot(*sums)
    return array("f", [value / length for value in sums])


def scores(text: Sequence[int]) -> "array[float]":
    """A label applies to the texts that name it."""
    return array("f", [SURE if word(label) in text else UNSURE for label in LABELS])


def break_down(texts: Iterable[Sequence[int]]) -> None:
    """`#overload` and `#fail` are obeyed."""
    for text in texts:
        if word("#overload") in text:
            raise EngineOverloaded("The script's queue is full.", retry_after=2)
        if word("#fail") in text:
            raise GenerationFailed("The script broke down.")
