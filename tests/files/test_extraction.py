"""Text is taken out of files by a limited process; hostile ones end in a named error, in time."""

import time
import zipfile
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from files import extraction
from files.extraction import Section, Unreadable

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def text(content: bytes, kind: str) -> list[Section]:
    return list(extraction.extract(BytesIO(content), kind))


def pdf_of(*pages: str, password: str | None = None, compress: bool = False) -> bytes:
    writer = PdfWriter()
    for words in pages:
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject({
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        })  # fmt: skip
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 200 Td ({words}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(
            stream.flate_encode() if compress else stream
        )
    if password:
        writer.encrypt(password)
    whole = BytesIO()
    writer.write(whole)
    return whole.getvalue()


def test_plain_text_is_itself() -> None:
    assert text("\ufeffnaïve 🙂".encode(), "text/plain") == [Section("naïve 🙂")]


def test_html_gives_what_a_reader_sees() -> None:
    hidden = b"<head><title>T</title></head><style>p{}</style><script>x()</script>"
    page = hidden + b"<p>One &amp; two</p><li>3"
    assert text(page, "text/html") == [Section("One & two\n3")]


def test_a_pdf_gives_its_pages() -> None:
    assert text(pdf_of("First page", "Second page"), "application/pdf") == [
        Section("First page", 1),
        Section("Second page", 2),
    ]


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"   \n", "text/plain", "no_text"),
        (pdf_of(""), "application/pdf", "no_text"),
        (pdf_of("secret", password="x"), "application/pdf", "encrypted"),
        (b"%PDF-1.4 and nothing more", "application/pdf", "broken"),
        (b"\x89PNG", "image/png", "unsupported"),
        (b"x" * 10_000_001, "text/plain", "too_much_text"),
    ],
    ids=["blank", "blank page", "encrypted", "torn", "unsupported", "too long"],
)
def test_what_cannot_be_read_has_a_name(content: bytes, kind: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        text(content, kind)
    assert caught.value.code == code


def test_a_pdf_bomb_ends_in_time() -> None:
    bomb = pdf_of("x" * 300_000_000, compress=True)
    assert len(bomb) < 1_000_000
    began = time.monotonic()
    with pytest.raises(Unreadable) as caught:
        text(bomb, "application/pdf")
    assert caught.value.code in {"too_complex", "too_much_text", "broken"}
    assert time.monotonic() - began < 45


def test_a_zip_bomb_is_not_unpacked() -> None:
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"word/{number}.xml", b"\0" * 100_000_000)
    with pytest.raises(Unreadable) as caught:
        text(whole.getvalue(), DOCX)
    assert caught.value.code == "too_complex"


def test_an_endless_child_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "WALL_SECONDS", 0.05)
    with pytest.raises(Unreadable) as caught:
        text(pdf_of("page"), "application/pdf")
    assert caught.value.code == "too_complex"


def test_reading_tells_how_many_pages_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "LOOK_SECONDS", 0.005)
    told: list[tuple[int, int]] = []
    pages = [f"page {number}" for number in range(400)]
    content = BytesIO(pdf_of(*pages))
    extraction.extract(content, "application/pdf", lambda *progress: told.append(progress))
    assert len(told) > 2
    assert told == sorted(told)
    assert {of for _, of in told} == {400}
    assert told[0][0] < 400
