"""Every word of a template can be translated: none stands outside of a translation's tags."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

FOLDER: Path = settings.BASE_DIR / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
FOR_STAFF = {"dashboard/styleguide.html"}
NAMES = {"Smarter", "CSV", "JSON", "SHA-256", "UTC", "curl", "Python", "llms.txt", "smarter-mini"}
UNITS = {"ms", "tok/s", "38 ms"}
TRANSLATED = re.compile(r"{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}", re.DOTALL)
TAGS = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
WORD = re.compile(r"[A-Za-z]{2}")


class Words(HTMLParser):
    """Collects text and told attributes; code is nobody's language."""

    CODE = ("code", "pre", "script", "style", "kbd")
    TOLD = ("aria-label", "title", "placeholder", "alt", "label")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in self.CODE
        self.found += [value for name, value in attrs if name in self.TOLD and value]

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in self.CODE

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.found.append(data)


def untranslated(text: str) -> list[str]:
    words = Words()
    words.feed(TAGS.sub("", TRANSLATED.sub("", text)))
    said = (found.strip().removeprefix("· ") for found in words.found)
    return [one for one in said if WORD.search(one) and one not in NAMES | UNITS]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_word_of_a_template_is_outside_of_a_translation(path: Path) -> None:
    name = str(path.relative_to(FOLDER))
    if name not in FOR_STAFF:
        assert untranslated(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_template_can_be_read_for_a_catalogue(path: Path) -> None:
    assert templatize(path.read_text(), origin=str(path)) is not None


def test_the_check_finds_a_word_and_a_label() -> None:
    assert untranslated("<p>{% translate 'Yes' %} and no</p>") == ["and no"]
    assert untranslated('<a aria-label="Close">+</a>') == ["Close"]
    assert (
        untranslated("<p>{{ n }} ms {% blocktranslate %}So it is{% endblocktranslate %}</p>") == []
    )
