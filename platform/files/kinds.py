"""What a file is, by its own bytes; a name may only agree."""

import codecs
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Final

from django.utils.translation import gettext as _

from api.errors import InvalidRequest
from files.storage import CHUNK

LONGEST_NAME: Final = 255
_MAGIC: Final = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
_OFFICE: Final = {
    "word/document.xml": (
        ".docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "ppt/presentation.xml": (
        ".pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    "xl/workbook.xml": (
        ".xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
_TEXT: Final = {
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".html": "text/html",
    ".htm": "text/html",
}
EXTENSIONS: Final = {  # what a binary kind may be called
    "application/pdf": {".pdf"},
    "image/png": {".png"},
    "image/jpeg": {".jpg", ".jpeg"},
    "image/gif": {".gif"},
    "image/webp": {".webp"},
    **{kind: {extension} for extension, kind in _OFFICE.values()},
}
PLAIN: Final = "text/plain"


def clean_name(given: str | None) -> str:
    """The last part of a path, without what a terminal or a header would obey. Only ever shown."""
    name = (given or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    if name in {"", ".", ".."}:
        return "upload"
    if len(name) > LONGEST_NAME:
        suffix = PurePosixPath(name).suffix[:16]
        name = name[: LONGEST_NAME - len(suffix)] + suffix
    return name


def of(stream: IO[bytes], filename: str) -> str:
    """The content type. Raises InvalidRequest: neither text nor a kind that is served, or a name
    that says otherwise."""
    kind = _binary_kind(stream) or _text_kind(stream, filename)
    extension = PurePosixPath(filename).suffix.lower()
    claimed = {kind for kind, names in EXTENSIONS.items() if extension in names}
    if (claimed and kind not in claimed) or (
        extension and kind in EXTENSIONS and extension not in EXTENSIONS[kind]
    ):
        raise InvalidRequest(
            _("The file is called *%(extension)s, but its content is %(kind)s. Rename it.")
            % {"extension": extension, "kind": kind},
            param="file",
            code="unsupported_file",
        )
    return kind


def _binary_kind(stream: IO[bytes]) -> str | None:
    stream.seek(0)
    head = stream.read(16)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return _office_kind(stream) if head.startswith(b"PK\x03\x04") else None


def _office_kind(stream: IO[bytes]) -> str:
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _unsupported(_("This file is a broken ZIP archive.")) from error
    for member, (_suffix, kind) in _OFFICE.items():
        if member in names:
            return kind
    raise _unsupported(_("This file is a ZIP archive."))


def _text_kind(stream: IO[bytes], filename: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks(stream):
            if b"\0" in chunk:
                raise _unsupported(_("This file is binary data of a kind that is not served."))
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _unsupported(
            _("This file is neither UTF-8 text nor a kind that is served.")
        ) from error
    return _TEXT.get(PurePosixPath(filename).suffix.lower(), PLAIN)


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """All of it, from the beginning."""
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        yield chunk


def _unsupported(what: str) -> InvalidRequest:
    served = _("Text (UTF-8), PDF, Word, PowerPoint, Excel and images are served.")
    return InvalidRequest(f"{what} {served}", param="file", code="unsupported_file")
