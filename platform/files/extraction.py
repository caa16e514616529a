"""The text of a file, read by a child process that may use little and touch nothing."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from files import storage
from files.models import StoredFile

CHILD: Final = Path(__file__).with_name("extraction_child.py")
WALL_SECONDS: Final = 60
MOST_OUTPUT: Final = 64 * 1024 * 1024
CODES: Final = {
    "too_complex": "It takes more memory or time to read than is allowed. Split or simplify it.",
    "too_much_text": "It holds more text than is allowed. Split it.",
    "broken": "It cannot be read: it is damaged, or not what its name says.",
    "encrypted": "It is protected by a password. Upload it without one.",
    "no_text": "No text was found in it; scanned pages are only pictures.",
    "unsupported": "Text cannot be taken from files of this kind.",
    "not_installed": "This server reads no Office files: its administrator can install the extra "
    "'rag'.",
}


@dataclass(frozen=True, slots=True)
class Section:
    """`page` counts from 1; None where a file has no pages."""

    text: str
    page: int | None = None


class Unreadable(Exception):
    """Why there is no text: `code` is one of CODES, the message a sentence for people."""

    def __init__(self, code: str) -> None:
        super().__init__(CODES[code])
        self.code = code


def text_of(stored: StoredFile) -> Sequence[Section]:
    """Sections in order, none of them blank. Raises Unreadable, OSError (the storage)."""
    with storage.open_file(stored.storage_name) as stream:
        return extract(stream, stored.content_type)


def extract(stream: IO[bytes], content_type: str) -> Sequence[Section]:
    """The same for bytes that are not stored. Raises Unreadable."""
    # -I: nothing of the environment, the current folder or the user's packages reaches the child.
    with subprocess.Popen(  # noqa: S603 - our own program, and one word from a fixed list
        [sys.executable, "-I", str(CHILD), content_type],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
    ) as child:
        stream.seek(0)
        try:
            output, _ = child.communicate(stream.read(), timeout=WALL_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            raise Unreadable("too_complex") from None
    return _sections(child.returncode, output)


def _sections(status: int, output: bytes) -> Sequence[Section]:
    """A child that died was killed by one of its limits."""
    if status != 0 or len(output) > MOST_OUTPUT:
        raise Unreadable("too_complex")
    told: dict[str, Any] = json.loads(output)
    if code := told.get("error"):
        raise Unreadable(code)
    sections = [Section(text, page) for page, text in told["sections"] if text.strip()]
    if not sections:
        raise Unreadable("no_text")
    return sections
