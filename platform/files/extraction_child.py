"""A process of its own: bytes on stdin, JSON with their text on stdout. Imports nothing of ours.

    python -I extraction_child.py application/pdf 3 < file

Answers `{"sections": [[page or null, text], …]}` or `{"error": code}` (codes: `extraction.CODES`),
and tells on descriptor 3 how far it is: pages read and pages, a line each time.
"""

import json
import os
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from io import BytesIO
from typing import Final

CPU_SECONDS: Final = 30
MEMORY: Final = 1024 * 1024 * 1024
MOST_TEXT: Final = 10_000_000  # characters
MOST_UNPACKED: Final = 256 * 1024 * 1024
MOST_MEMBERS: Final = 10_000
MOST_PAGES: Final = 5_000

Sections = Iterator[tuple[int | None, str]]


class Refused(Exception):
    """Its message is the code of the answer."""


def main() -> None:
    limit()
    try:
        raw = sys.stdin.buffer.read()
        answer: dict[str, object] = {"sections": list(bounded(sys.argv[1], raw))}
    except Refused as refused:
        answer = {"error": str(refused)}
    except (MemoryError, RecursionError):
        answer = {"error": "too_complex"}
    except Exception:  # noqa: BLE001 - a border: parsers of strangers' files raise whatever they like
        answer = {"error": "broken"}
    sys.stdout.write(json.dumps(answer))


def limit() -> None:
    """Little time and memory, no file larger than nothing, no other process."""
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))


def bounded(content_type: str, raw: bytes) -> Sections:
    read = READERS.get(content_type)
    if read is None:
        raise Refused("unsupported")
    room = MOST_TEXT
    for page, text in read(raw):
        room -= len(text)
        if room < 0:
            raise Refused("too_much_text")
        yield page, text.replace("\0", "")


def tell(done: int, of: int) -> None:
    """Nobody waits for it: where the pipe is full, the next one tells more."""
    with suppress(BlockingIOError):
        os.write(int(sys.argv[2]), b"%d %d\n" % (done, of))


def plain(raw: bytes) -> Sections:
    yield None, raw.decode("utf-8-sig")


def html(raw: bytes) -> Sections:
    page = _Page()
    page.feed(raw.decode("utf-8-sig"))
    page.close()
    lines = (" ".join(line.split()) for line in "".join(page.text).splitlines())
    yield None, "\n".join(line for line in lines if line)


def pdf(raw: bytes) -> Sections:
    from pypdf import PdfReader  # noqa: PLC0415 - only PDFs pay for it

    reader = PdfReader(BytesIO(raw))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused("encrypted")
    if len(reader.pages) > MOST_PAGES:
        raise Refused("too_complex")
    for number, page in enumerate(reader.pages, start=1):
        yield number, page.extract_text()
        tell(number, len(reader.pages))


def office(extension: str) -> Callable[[bytes], Sections]:
    def read(raw: bytes) -> Sections:
        _refuse_bombs(raw)
        try:
            from markitdown import MarkItDown, StreamInfo  # type: ignore[import-not-found]  # noqa: PLC0415 - an extra
        except ImportError:
            raise Refused("not_installed") from None
        converted = MarkItDown(enable_plugins=False).convert_stream(
            BytesIO(raw), stream_info=StreamInfo(extension=extension)
        )
        yield None, converted.text_content

    return read


def _refuse_bombs(raw: bytes) -> None:
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS or sum(one.file_size for one in members) > MOST_UNPACKED:
        raise Refused("too_complex")


class _Page(HTMLParser):
    """What a reader would see: no scripts, no styles, a line for each block."""

    HIDDEN = frozenset({"script", "style", "template", "noscript", "head", "svg"})
    BLOCKS = frozenset(
        (
            "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt",
            "figcaption", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
            "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
        )
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN and self._hidden:
            self._hidden -= 1
        if tag in self.BLOCKS:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


_OPEN = "application/vnd.openxmlformats-officedocument."
READERS: Final[dict[str, Callable[[bytes], Sections]]] = {
    "text/plain": plain,
    "text/markdown": plain,
    "text/csv": plain,
    "text/html": html,
    "application/json": plain,
    "application/jsonl": plain,
    "application/pdf": pdf,
    f"{_OPEN}wordprocessingml.document": office(".docx"),
    f"{_OPEN}presentationml.presentation": office(".pptx"),
    f"{_OPEN}spreadsheetml.sheet": office(".xlsx"),
}

if __name__ == "__main__":
    main()
