"""Where an answer comes from: the passages that it cites, as annotations of its text. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final

from knowledge.search import Passage

LONGEST_QUOTE: Final = 1_000
ENOUGH: Final = 0.5
"""Of an answer's own words so many stand in a passage that it was taken from."""
LEAST: Final = 0.25
"""And so many in one that it marks: small models mark whatever is there."""
FEWEST: Final = 3
_MARK: Final = re.compile(r"\[(\d{1,2})\]")
_WORD: Final = re.compile(r"\w{4,}")


def annotations(passages: Sequence[Passage], text: str) -> list[dict[str, Any]]:
    """One for each passage that the answer marks as [n], at its first mark; where it marks none
    that it can be from, for the passages whose words it uses, at its end."""
    shares = {number: _share(one.text, text) for number, one in enumerate(passages, 1)}
    places: dict[int, int] = {}
    for mark in _MARK.finditer(text):
        if shares.get(number := int(mark[1]), 0) >= LEAST:
            places.setdefault(number, mark.start())
    if not places:
        places = {number: len(text) for number, share in shares.items() if share >= ENOUGH}
    return [
        _annotation(number, passages[number - 1], place)
        for number, place in sorted(places.items(), key=lambda found: (found[1], found[0]))
    ]


def sources(annotated: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same without their places, as messages and chat completions show them."""
    return [
        {name: value for name, value in one.items() if name not in {"type", "index"}}
        for one in annotated
    ]


def _share(passage: str, text: str) -> float:
    """How many of the answer's words the passage has; of a very short answer, none."""
    words = set(_WORD.findall(text.lower()))
    if len(words) < FEWEST:
        return 0
    return len(words & set(_WORD.findall(passage.lower()))) / len(words)


def _annotation(number: int, passage: Passage, place: int) -> dict[str, Any]:
    """OpenAI's file citation, and what opens the passage."""
    return {
        "type": "file_citation",
        "index": place,
        "file_id": passage.file_id,
        "filename": passage.filename,
        "number": number,
        "chunk_id": passage.chunk_id,
        "page": passage.page,
        "score": round(passage.score, 4),
        "quote": passage.text[:LONGEST_QUOTE],
    }
