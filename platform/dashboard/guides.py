"""The pages of docs/ as HTML under /docs/guides/, from the same Markdown that a checkout holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

FOLDER: Final[Path] = settings.BASE_DIR / "docs"
_FIRST: Final = ("sdks", "errors")  # what a developer opens first; the rest by name
LANGUAGES: Final = {
    "bash": "Shell", "csharp": "C#", "go": "Go", "java": "Java", "javascript": "JavaScript",
    "json": "JSON", "python": "Python", "text": "Output",
}  # fmt: skip
MARKDOWN: Final = "text/markdown; charset=utf-8"
MARKS: Final = {"run": "executed in our tests", "shown": "not executed here"}
"""The second word of a code block's language line; a third may name a program that it needs."""
_TITLE, _SECTION = "h1", "h2"


@dataclass(frozen=True, slots=True)
class Section:
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Guide:
    name: str
    title: str
    lead: str  # its first paragraph
    sections: tuple[Section, ...]
    body: SafeString


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "guides/index.html", {"title": "Guides", "guides": guides()})


def page(request: HttpRequest, name: str) -> HttpResponse:
    guide = next((guide for guide in guides() if guide.name == name), None)
    if guide is None:
        raise Http404
    context = {"title": guide.title, "guides": guides(), "guide": guide}
    return render(request, "guides/page.html", context)


def markdown(_request: HttpRequest, name: str) -> HttpResponse:
    """The page as it is written: what programs read best."""
    if name not in {guide.name for guide in guides()}:
        raise Http404
    return HttpResponse((FOLDER / f"{name}.md").read_text(), content_type=MARKDOWN)


def llms(request: HttpRequest) -> HttpResponse:
    """What there is to read, for programs: https://llmstxt.org."""
    base = request.build_absolute_uri("/").rstrip("/")
    links = "".join(
        f"- [{guide.title}]({base}/docs/guides/{guide.name}.md): {guide.lead}\n"
        for guide in guides()
    )
    return HttpResponse(_LLMS.format(base=base, links=links), content_type=MARKDOWN)


_LLMS: Final = """# Smarter

> A self-hosted platform for chatbots: an OpenAI-compatible API, chat widgets for any site,
> knowledge from files, and prepaid money that is exact to the nano-dollar.

The API answers at {base}/v1 with `Authorization: Bearer sk-…`.

## Guides

{links}
## Reference

- [OpenAPI]({base}/openapi.json): every path, parameter and error
"""


@cache  # a checkout changes with a deploy, and a deploy is a new process
def guides() -> tuple[Guide, ...]:
    names = sorted(file.stem for file in FOLDER.glob("*.md"))
    ordered = [*(n for n in _FIRST if n in names), *(n for n in names if n not in _FIRST)]
    return tuple(read(name, (FOLDER / f"{name}.md").read_text()) for name in ordered)


def read(name: str, markdown: str) -> Guide:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Page).enable("table")
    tokens = parser.parse(markdown)
    sections = [
        Section(anchor(inline.content), plain(inline))
        for heading, inline in pairwise(tokens)
        if heading.type == "heading_open" and heading.tag == _SECTION
    ]
    return Guide(
        name=name,
        title=_first(tokens, _TITLE),
        lead=_first(tokens, "p"),
        sections=tuple(sections),
        body=mark_safe(parser.renderer.render(tokens, parser.options, {})),  # noqa: S308 - our own text, and raw HTML is off
    )


def anchor(title: str) -> str:
    """As GitHub makes them, so that a link works there and here."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def plain(inline: Token) -> str:
    breaks = {"softbreak", "hardbreak"}
    return "".join(
        " " if child.type in breaks else child.content for child in inline.children or ()
    )


def _first(tokens: Sequence[Token], tag: str) -> str:
    return next(plain(inline) for opening, inline in pairwise(tokens) if opening.tag == tag)


class _Page(RendererHTML):
    """markdown-it's HTML with anchors, scrolling tables, labelled code, and links of this site."""

    def heading_open(
        self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
    ) -> str:
        tokens[at].attrSet("id", anchor(tokens[at + 1].content))
        return self.renderToken(tokens, at, options, env)

    def table_open(self, *_: object) -> str:
        return '<div class="table-box" tabindex="0"><table>\n'

    def table_close(self, *_: object) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
        """A head that says nothing heads no column."""
        if not tokens[at + 1].content:
            tokens[at].tag = tokens[at + 2].tag = "td"
        return self.renderToken(tokens, at, options, env)

    def link_open(
        self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
    ) -> str:
        tokens[at].attrSet("href", address(str(tokens[at].attrs["href"])))
        return self.renderToken(tokens, at, options, env)

    def fence(self, tokens: Sequence[Token], at: int, *_: object) -> str:
        words = tokens[at].info.split()
        named = (LANGUAGES.get(word) or MARKS.get(word) for word in words[:2])
        label = " · ".join(filter(None, named))
        head = f"<figcaption>{label}</figcaption>" if label else ""
        kind = "code output" if "text" in words else "code"
        code = f'<pre tabindex="0"><code>{escape(tokens[at].content)}</code></pre>'
        return f'<figure class="{kind}">{head}{code}</figure>\n'


def address(link: str) -> str:
    """`errors.md#retry` → `../errors/#retry`; what is no page of ours stays as it is."""
    name, mark, place = link.partition("#")
    if not name.endswith(".md") or "/" in name:
        return link
    return f"../{name.removesuffix('.md')}/{mark}{place}"
