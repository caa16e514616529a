"""What `up` says while it works: one line a step on stderr, the result on stdout."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.text import Text

_progress = Console(stderr=True, highlight=False, soft_wrap=True)
_result = Console(highlight=False, soft_wrap=True)


@contextmanager
def step(doing: str, done: str) -> Iterator[None]:
    """A spinner while it lasts (on a terminal), then a line with the time that it took."""
    started = time.monotonic()
    if not _progress.is_terminal:
        yield
    else:
        with _progress.status(f"{doing} …", spinner="dots"):
            yield
    seconds = f"{time.monotonic() - started:.1f} s"
    _line(Text.assemble(("✓ ", "green"), (f"{done:<44}"), (seconds, "dim")))


def note(text: str) -> None:
    _line(Text.assemble(("· ", "dim"), text))


def warning(text: str) -> None:
    _line(Text.assemble(("! ", "yellow"), text))


def result(text: Text | str) -> None:
    with suppress(BrokenPipeError):  # whoever started us has left
        _result.print(text)
        sys.stdout.flush()


def _line(text: Text) -> None:
    with suppress(BrokenPipeError):
        _progress.print(text)
