"""Failures in one line each: what happened, the request id, and an exit code to script with.

0 done; 1 the server refused or failed; 2 the command was misspelt; 3 not logged in, or the key is
not accepted; 4 the server cannot be reached; 5 no such thing; 130 interrupted.
"""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from smarter import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    NotFoundError,
    SmarterError,
)
from smarter.cli.credentials import NotLoggedIn

REFUSED, NOT_LOGGED_IN, UNREACHABLE, UNKNOWN, INTERRUPTED = 1, 3, 4, 5, 130


class Refusal(SmarterError):
    """What the command line itself refuses: a file that is not there, an answer that is no."""


def guarded(run: Callable[[], object]) -> None:
    """Runs it; a failure becomes a sentence on stderr and an exit code."""
    try:
        run()
    except APIStatusError as error:
        _end(f"{_said(error)} (request {error.request_id})", _code(error))
    except APIConnectionError as error:
        _end(f"{error.message} Is the server up at {error.request.url}?", UNREACHABLE)
    except NotLoggedIn as error:
        _end(str(error), NOT_LOGGED_IN)
    except (SmarterError, OSError) as error:
        _end(str(error), REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _said(error: APIStatusError) -> str:
    """The server's own sentence, without the number that openai puts before it."""
    return error.message.removeprefix(f"Error code: {error.status_code} - ")


def _code(error: APIStatusError) -> int:
    if isinstance(error, AuthenticationError):
        return NOT_LOGGED_IN
    return UNKNOWN if isinstance(error, NotFoundError) else REFUSED


def _end(sentence: str, code: int) -> None:
    said = f"[red]Error:[/] {escape(sentence)}"
    Console(stderr=True).print(said, highlight=False, soft_wrap=True)
    sys.exit(code)
