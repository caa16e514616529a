"""What a prompt offers to fill a schema with: its numbers, its quoted words, its names."""

import re
from itertools import cycle

QUOTED = re.compile(r"(?<!\w)['\"“]([^'\"“”]+)['\"”](?!\w)")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
PUNCTUATION = ",.?!;:'\"()"


class Hints:
    """Each is given once, in order, and then all of them again."""

    def __init__(self, text: str) -> None:
        self.text = text.strip() or "Hello"
        self.quoted = QUOTED.findall(self.text)
        self._strings = cycle([*self.quoted, *_proper_names(self.text)] or [self.text])
        self._numbers = cycle(NUMBER.findall(self.text) or ["0"])

    def string(self, name: str) -> str:
        return self._said_of(name) or next(self._strings)

    def number(self, name: str) -> float:
        said = self._said_of(name)
        return float(said if said and NUMBER.fullmatch(said) else next(self._numbers))

    def mentions(self, value: object) -> bool:
        return isinstance(value, str) and value.lower() in self.text.lower()

    def _said_of(self, name: str) -> str | None:
        """`name=value` or `name: value`."""
        if not name:
            return None
        value = r"""\s*[=:]\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))"""
        found = re.search(rf"\b{re.escape(name)}{value}", self.text)
        return next(filter(None, found.groups()), None) if found else None


def _proper_names(text: str) -> list[str]:
    """Runs of capitalised words that do not begin a sentence: `San Francisco`."""
    names: list[list[str]] = [[]]
    begins = True
    for word in text.split():
        bare = word.strip(PUNCTUATION)
        if bare[:1].isupper() and not begins:
            names[-1].append(bare)
        if names[-1] and not (bare[:1].isupper() and word[-1].isalnum()):
            names.append([])
        begins = word[-1] in ".?!"
    return [" ".join(name) for name in names if name]
