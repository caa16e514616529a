"""The text of a file, read by a child process that may use little and touch nothing."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from django.utils.translation import gettext_noop

from files import storage
from files.models import StoredFile

CHILD: Final = Path(__file__).with_name("extraction_child.py")
WALL_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.5
Told = Callable[[int, int], object]
"""Called twice a second with how many pages have been read, and how many there are."""
MOST_OUTPUT: Final = 64 * 1024 * 1024
CODES: Final = {
    "too_complex": gettext_noop(
        "It takes more memory or time to read than is allowed. Split or simplify it."
    ),
    "too_much_text": gettext_noop("It holds more text than is allowed. Split it."),
    "broken": gettext_noop("It cannot be read: it is damaged, or not what its name says."),
    "encrypted": gettext_noop("It is protected by a password. Upload it without one."),
    "no_text": gettext_noop("No text was found in it; scanned pages are only pictures."),
    "unsupported": gettext_noop("Text cannot be taken from files of this kind."),
    "not_installed": gettext_noop(
        "This server reads no Office files: its administrator can install the extra 'rag'."
    ),
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


def _nobody(_done: int, _of: int) -> None:
    pass


def text_of(stored: StoredFile, told: Told = _nobody) -> Sequence[Section]:
    """Sections in order, none of them blank. Raises Unreadable, OSError (the storage)."""
    with storage.open_file(stored.storage_name) as stream:
        return extract(stream, stored.content_type, told)


def extract(stream: IO[bytes], content_type: str, told: Told = _nobody) -> Sequence[Section]:
    """The same for bytes that are not stored. Raises Unreadable."""
    stream.seek(0)
    with tempfile.TemporaryFile() as content, _pipe() as (heard, speaks):
        shutil.copyfileobj(stream, content)
        content.seek(0)
        with _child(content, content_type, speaks) as child:
            output = _output(child, lambda: _tell(heard, told))
    return _sections(child.returncode, output)


def _child(content: IO[bytes], content_type: str, speaks: int) -> "subprocess.Popen[bytes]":
    # -I: nothing of the environment, the current folder or the user's packages reaches the child.
    return subprocess.Popen(  # noqa: S603 - our own program, and words from fixed lists
        [sys.executable, "-I", str(CHILD), content_type, str(speaks)],
        stdin=content,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(speaks,),
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
    )


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Neither end waits: the child may fill it, and we look whether there is something."""
    ends = os.pipe()
    try:
        for end in ends:
            os.set_blocking(end, False)
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _output(child: "subprocess.Popen[bytes]", look: Callable[[], None]) -> bytes:
    end = time.monotonic() + WALL_SECONDS
    while (left := end - time.monotonic()) > 0:
        try:
            return child.communicate(timeout=min(left, LOOK_SECONDS))[0]
        except subprocess.TimeoutExpired:
            look()
    child.kill()
    raise Unreadable("too_complex")


def _tell(heard: int, told: Told) -> None:
    """The last whole line; a hostile file can at most make it wrong."""
    with suppress(BlockingIOError, ValueError, IndexError):
        done, of = os.read(heard, 1024 * 1024).split(b"\n")[-2].split()
        told(int(done), int(of))


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
