"""Office files, which the extra `rag` reads, within the same limits."""

import zipfile
from importlib.util import find_spec
from io import BytesIO
from typing import Final

import pytest

from files import extraction
from files.extraction import Unreadable

KIND: Final = "application/vnd.openxmlformats-officedocument."
INSTALLED: Final = find_spec("markitdown") is not None
TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

with_rag = pytest.mark.skipif(not INSTALLED, reason="the extra `rag` is not installed here")


def package(main: str, kind: str, **parts: str) -> bytes:
    """The least that Office calls a file."""
    types = (
        f'<Types xmlns="{TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{KIND}{kind}.main+xml"/></Types>'
    )
    relation = f'<Relationship Id="r1" Type="{DOCUMENT}/officeDocument" Target="{main}"/>'
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        related = f'<Relationships xmlns="{RELATIONS}">{relation}</Relationships>'
        archive.writestr("_rels/.rels", related)
        for name, content in parts.items():
            archive.writestr(name, content)
    return whole.getvalue()


def docx(words: str) -> bytes:
    name = "word/document.xml"
    text = f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>"
    body = f'<w:document xmlns:w="{WORD}"><w:body>{text}</w:body></w:document>'
    return package(name, "wordprocessingml.document", **{name: body})


def text(content: bytes, kind: str) -> str:
    (section,) = extraction.extract(BytesIO(content), KIND + kind)
    return section.text


@pytest.mark.skipif(INSTALLED, reason="the extra `rag` is installed here, so they are read")
def test_without_the_extra_the_reason_is_told() -> None:
    with pytest.raises(Unreadable) as caught:
        text(docx("The sauna is hot."), "wordprocessingml.document")
    assert caught.value.code == "not_installed"


@with_rag
def test_a_document_gives_its_text() -> None:
    found = text(docx("The sauna is hot."), "wordprocessingml.document")
    assert found.strip() == "The sauna is hot."


@with_rag
def test_a_sheet_gives_its_cells() -> None:
    book = pytest.importorskip("openpyxl", reason="comes with the extra `rag`").Workbook()
    book.active.append(["room", "place"])
    book.active.append(["sauna", "basement"])
    whole = BytesIO()
    book.save(whole)
    found = text(whole.getvalue(), "spreadsheetml.sheet")
    assert "| sauna | basement |" in found


@with_rag
def test_slides_give_their_titles() -> None:
    deck = pytest.importorskip("pptx", reason="comes with the extra `rag`").Presentation()
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "The sauna is hot."
    whole = BytesIO()
    deck.save(whole)
    assert "The sauna is hot." in text(whole.getvalue(), "presentationml.presentation")
