"""The Python snippets of the reference documents, cut out and given back their indentation.

The documents are kept as they came: plain text, two of them with every line moved to the left
margin. A snippet is named by its first and last line; what looks like Python and lies in none of
them is found by `loose_lines`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DOCUMENTS = Path(__file__).parent / "documents"
FLATTENED = {"beezy", "smarter"}
_LOOKS_LIKE_PYTHON = re.compile(
    r"^\s*(import \w+|from \w+ import .*|\w+ = .*[({]|print\(.*|client\b.*\(|raise \w+"
    r"|(for|with|if|except)\b.*:|(try|else):)\s*(#.*)?$"
)


@dataclass(frozen=True)
class Snippet:
    """Lines of a document: from the `nth` like `first` to the `ends`th like `last` after it."""

    name: str
    document: str
    first: str
    last: str
    nth: int = 0
    ends: int = 1
    no_program: str = ""  # why it cannot run

    @property
    def code(self) -> str:
        start, end = self.lines
        cut = _text(self.document)[start:end]
        return "\n".join(_indented(cut) if self.document in FLATTENED else cut) + "\n"

    @property
    def lines(self) -> tuple[int, int]:
        """Where it begins, and the line after its last."""
        text = _text(self.document)
        start = [i for i, line in enumerate(text) if line == self.first][self.nth]
        after = enumerate(text[start:], start)
        return start, [i for i, line in after if line == self.last][self.ends - 1] + 1


def commands(document: str) -> list[str]:
    """Its curl commands, each with the lines that a backslash or an open quote joins to it."""
    found: list[str] = []
    going_on = False
    for line in _text(document):
        if going_on:
            found[-1] += f"\n{line}"
        elif line.startswith("curl "):
            found.append(line)
        going_on = bool(found) and (line.endswith("\\") or found[-1].count("'") % 2 == 1)
    return found


def loose_lines(document: str, snippets: list[Snippet]) -> list[str]:
    """Lines that look like Python and belong to no snippet."""
    taken = {i for each in snippets if each.document == document for i in range(*each.lines)}
    return [
        line
        for i, line in enumerate(_text(document))
        if i not in taken and _LOOKS_LIKE_PYTHON.match(line)
    ]


@cache
def _text(document: str) -> list[str]:
    return (DOCUMENTS / f"{document}.txt").read_text().splitlines()


def _indented(lines: list[str]) -> Iterator[str]:
    """Flattened lines with their levels: a block goes on to the end or to its other half."""
    opened: list[str] = []  # the words of the blocks around this line
    depth, colon = 0, ""  # open brackets; the word of a block that the last line began
    for line in lines:
        if depth == 0:
            word = re.match(r"\w*", line)[0]  # type: ignore[index]  # it always matches
            if colon:
                opened.append(colon)
                colon = ""
            if word in _HALVES:
                while opened.pop() not in _HALVES[word]:
                    pass
        yield "    " * len(opened) + line
        if depth == 0:
            begun = word
        bare = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
        depth += len(re.findall(r"[(\[{]", bare)) - len(re.findall(r"[)\]}]", bare))
        if bare.strip():
            colon = begun if depth == 0 and bare.rstrip().endswith(":") else ""


_HALVES = {"else": {"if", "for"}, "except": {"try", "except"}, "finally": {"try", "except"}}
