"""The text around arguments as regular expressions, forgiving about spaces."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import regex  # type: ignore[import-untyped]  # it has no types

from inference.engines.local.tool_formats.formats import ID, ToolFormat

_NAME = r"(?P<name>[\w-]{1,64})"
_SPACES = r"\s{0,64}"  # bounded, so that what is held back is, too
_WORD = regex.compile(r'\[[A-Z_]+\]|<[^>]+>|"\w+"|\S')


class Patterns(NamedTuple):
    """`head` goes from where a call begins to its arguments, `named` to the end of its name;
    `rest` from the end of its arguments to the end of the calls, or to the next arguments."""

    head: "regex.Pattern[str]"
    named: "regex.Pattern[str]"
    rest: "regex.Pattern[str]"


@lru_cache
def patterns(form: ToolFormat) -> Patterns:
    """Made once for a model: whether there is a tool of the name is another question."""
    before, middle, after = map(_any, (form.before, form.middle, form.after))
    call = f"{before}{_NAME}{middle}{_SPACES}(?={{)"
    first = _lenient(form.opening)
    if form.bare:
        first = rf"(?:{_lenient(form.trigger)}|(?!\s))" if form.trigger else r"(?!\s)"
    more = f"|{_lenient(form.between)}{call}" if form.closing else ""
    return Patterns(
        regex.compile(first + call),
        regex.compile(first + before + _NAME + r"(?=[^\w-])"),
        regex.compile(f"{after}(?:{_lenient(form.closing)}{more})"),
    )


def _any(alternatives: Iterable[str]) -> str:
    return "(?:" + "|".join(map(_lenient, alternatives)) + ")"


def _lenient(text: str) -> str:
    words = (r"\w{1,64}" if word == ID else regex.escape(word) for word in _WORD.findall(text))
    return "".join(_SPACES + word for word in words)
