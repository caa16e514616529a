"""German is whole: every text of the pages has its German one, with the same blanks to fill."""

import ast
import gettext
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation.template import templatize

from tests.cast import Person

CATALOGUE: Final[Path] = settings.BASE_DIR / "locale/de/LC_MESSAGES/django.mo"
VERBS: Final = {"_", "gettext", "gettext_lazy", "gettext_noop"}
COUNTING: Final = {"ngettext", "ngettext_lazy"}
BLANKS: Final = re.compile(r"%\((\w+)\)|{(\w*)}|<code>")
QUOTED: Final = r"""(u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*")"""
SAID: Final = re.compile(rf"(?:\bn?gettext|\b_)\({QUOTED}(?:, ?{QUOTED})?")
SOURCES: Final = ("platform", "billing", "chatbots", "inference")
Text = tuple[str, ...]
"""A text, or one thing and many."""


@cache
def texts() -> list[Text]:
    """All that our code and pages say."""
    code = (path for place in SOURCES for path in (settings.BASE_DIR / place).rglob("*.py"))
    pages = (settings.BASE_DIR / "templates").rglob("*.*")
    said = chain(map(_of_module, code), map(_of_template, pages))
    return sorted(set(chain.from_iterable(said)))


def _of_module(path: Path) -> Iterator[Text]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        count = 2 if node.func.id in COUNTING else int(node.func.id in VERBS)
        given = [each.value for each in node.args[:count] if isinstance(each, ast.Constant)]
        if count and len(given) == count:
            yield tuple(str(text) for text in given)


def _of_template(path: Path) -> Iterator[Text]:
    for found in SAID.finditer(templatize(path.read_text(), origin=str(path))):
        yield tuple(ast.literal_eval(text) for text in found.groups() if text)


@cache
def german() -> gettext.GNUTranslations:
    with CATALOGUE.open("rb") as file:
        return gettext.GNUTranslations(file)


def translated(text: Text) -> Text | None:
    """None where it has no German."""
    known: dict[Any, str] = german()._catalog  # type: ignore[attr-defined]  # all that was read
    if len(text) == 1:
        return (known[text[0]],) if text[0] in known else None
    forms = [known.get((text[0], number)) for number in range(2)]
    return (str(forms[0]), str(forms[1])) if all(forms) else None


def test_every_text_has_its_german() -> None:
    assert len(texts()) > 900
    assert [text for text in texts() if translated(text) is None] == []


def test_every_german_text_has_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {found.group() for found in BLANKS.finditer(text)}

    for text in texts():
        for german_one in translated(text) or ():
            # `this one` may leave out the number of `these %(n)s`
            assert blanks(german_one) <= blanks(text[-1]), text
            assert len(text) > 1 or blanks(german_one) == blanks(text[0]), text


def test_nothing_is_in_the_catalogue_that_nobody_says() -> None:
    ours = {text[0] for text in texts()}
    known: dict[Any, str] = german()._catalog  # type: ignore[attr-defined]  # as above
    kept = {key[0] if isinstance(key, tuple) else key for key in known} - {""}
    assert kept - ours == set()


@pytest.mark.parametrize(
    ("language", "word"),
    [("de", "Übersicht"), ("de-AT", "Übersicht"), ("en", "Overview"), ("fr", "Overview")],
)
def test_pages_speak_as_the_browser_asks(
    as_ada: Client, ada: Person, language: str, word: str
) -> None:
    page = as_ada.get(
        f"/dashboard/{ada.organisation.slug}/overview", headers={"accept-language": language}
    ).text
    assert f"<h1>{word}</h1>" in re.sub(r"\s*(<h1>|</h1>)\s*", r"\1", page)
    assert f'<html lang="{"de" if word != "Overview" else "en"}"' in page


def test_the_language_of_the_account_comes_before_the_browsers(as_ada: Client, ada: Person) -> None:
    as_ada.post("/account", {"name": "Ada", "theme": "system", "language": "de"})
    page = as_ada.get(
        f"/dashboard/{ada.organisation.slug}/overview", headers={"accept-language": "en"}
    ).text
    assert "Übersicht" in page
