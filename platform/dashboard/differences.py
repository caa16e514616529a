"""Two settings beside each other, line by line, with the words that changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import ndiff
from itertools import groupby
from typing import Any, Final, Literal

import yaml

GONE, COME, HINT, SAME = "- ", "+ ", "? ", "  "
_WORDS: Final = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Line:
    """Its number before and after; `pieces` are runs of its text, and whether each has changed."""

    kind: Literal["", "gone", "come"]
    before: int | None
    after: int | None
    pieces: list[tuple[str, bool]]


def lines(before: Any, after: Any) -> list[Line]:
    """What is gone, what has come, what stays."""
    found: list[Line] = []
    left = right = 0
    for mark, text, hint in _with_hints(before, after):
        left += mark != COME
        right += mark != GONE
        if mark == GONE:
            found.append(Line("gone", left, None, _pieces(text, hint)))
        elif mark == COME:
            found.append(Line("come", None, right, _pieces(text, hint)))
        else:
            found.append(Line("", left, right, [(text, False)]))
    return found


def _with_hints(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """A line's mark, the line, and what ndiff says below it of the characters that changed."""
    told = [(line[:2], line[2:]) for line in ndiff(_text(before), _text(after))]
    for (mark, text), (next_mark, hint) in zip(told, [*told[1:], (SAME, "")], strict=False):
        if mark != HINT:
            yield mark, text, hint if next_mark == HINT else ""


def _pieces(text: str, hint: str) -> list[tuple[str, bool]]:
    """Whole words; a line that resembles no other has changed as a whole."""
    if not hint.strip():
        return [(text, True)]
    words = [
        (word.group(), bool(hint[word.start() : word.end()].strip()))
        for word in _WORDS.finditer(text)
    ]
    runs = groupby(words, key=lambda word: word[1])
    return [("".join(word for word, _ in run), changed) for changed, run in runs]


def _text(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()
    return str(yaml.safe_dump(value, allow_unicode=True)).removesuffix("...\n").splitlines()
