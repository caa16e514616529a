"""JSON Lines, checked line by line for what they are meant for; an error names its line."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from api import strict_json
from api.errors import ApiError, InvalidRequest
from api.numbers import written

MOST_REQUESTS: Final = 50_000  # lines of a batch, as OpenAI has it
LEAST_EXAMPLES: Final = 10
MOST_EXAMPLES: Final = 1_000_000
BATCH_URLS: Final = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
)
_ROLES: Final = {"system", "developer", "user", "assistant", "tool", "function"}


class WrongLine(Exception):
    """What is wrong with a line, without its number."""


def count(stream: IO[bytes], purpose: str) -> int | None:
    """How many lines, after looking at each; None for purposes without lines.

    Raises InvalidRequest: `Line 3: …`.
    """
    if purpose == "batch":
        return _counted(stream, _BatchLines(), 1, MOST_REQUESTS)
    if purpose == "fine-tune":
        return _counted(stream, _example, LEAST_EXAMPLES, MOST_EXAMPLES)
    return None


def objects(stream: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers (from 1) and objects; blank lines are skipped. Raises InvalidRequest."""
    stream.seek(0)
    for number, raw in enumerate(_raw_lines(stream), start=1):
        if raw.strip():
            yield number, _object(number, raw)


def _counted(
    stream: IO[bytes],
    check: Callable[[Mapping[str, Any]], None],
    least: int,
    most: int,
) -> int:
    found = 0
    for number, line in objects(stream):
        try:
            check(line)
        except WrongLine as error:
            raise _wrong(number, str(error)) from error
        found += 1
        if found > most:
            said = _("a file holds at most %(most)s such lines. Split it.")
            raise _wrong(number, said % {"most": written(most)})
    if found < least:
        said = ngettext(
            "The file holds %(count)d line; at least %(least)d are needed.",
            "The file holds %(count)d lines; at least %(least)d are needed.",
            found,
        )
        facts = {"count": found, "least": least}
        raise InvalidRequest(said % facts, param="file", code="invalid_jsonl")
    return found


def _raw_lines(stream: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while line := stream.readline(strict_json.MAX_BYTES + 1):
        number += 1
        if len(line) > strict_json.MAX_BYTES:
            said = _("it is longer than %(most)s bytes.")
            raise _wrong(number, said % {"most": written(strict_json.MAX_BYTES)})
        yield line


def _object(number: int, raw: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(raw)
    except ApiError as error:
        raise _wrong(number, error.message) from error
    if not isinstance(value, dict):
        raise _wrong(number, _("it is not a JSON object."))
    return value


def _wrong(number: int, reason: str) -> InvalidRequest:
    said = _("Line %(number)d: %(reason)s") % {"number": number, "reason": reason}
    return InvalidRequest(said, param="file", code="invalid_jsonl")


class _BatchLines:
    """`{"custom_id", "method": "POST", "url", "body"}`, each custom_id once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, line: Mapping[str, Any]) -> None:
        custom_id = line.get("custom_id")
        if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= 512:  # noqa: PLR2004 - a bound
            raise WrongLine(_("`custom_id` must be a string of 1 to 512 characters."))
        if custom_id in self._seen:
            said = _("the custom_id %(id)r was used on an earlier line.")
            raise WrongLine(said % {"id": custom_id[:64]})
        self._seen.add(custom_id)
        if line.get("method") != "POST":
            raise WrongLine(_('`method` must be "POST".'))
        if line.get("url") not in BATCH_URLS:
            raise WrongLine(_one_of("url", BATCH_URLS))
        if not isinstance(line.get("body"), dict):
            raise WrongLine(_("`body` must be an object: the request."))


def _example(line: Mapping[str, Any]) -> None:
    """`{"messages": […]}` with something that the assistant says."""
    messages = line.get("messages")
    if not isinstance(messages, list) or not messages:
        raise WrongLine(_("`messages` must be a list of chat messages."))
    for place, message in enumerate(messages):
        _message(place, message)
    if not any(message["role"] == "assistant" for message in messages):
        raise WrongLine(_("no message has the role assistant, so there is nothing to learn."))


def _message(place: int, message: object) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise WrongLine(_one_of(f"messages[{place}].role", sorted(_ROLES)))
    content = message.get("content")
    may_be_null = message["role"] == "assistant" and message.get("tool_calls")
    if not isinstance(content, str) and not (content is None and may_be_null):
        raise WrongLine(_("`messages[%(place)d].content` must be a string.") % {"place": place})


def _one_of(field: str, known: Iterable[str]) -> str:
    said = _("`%(field)s` must be one of %(known)s.")
    return said % {"field": field, "known": ", ".join(known)}
