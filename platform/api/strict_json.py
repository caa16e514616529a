"""JSON from strangers, read strictly: bounded size and depth, and nothing that no one means.

Every check runs in C (regular expressions that never backtrack, `bytes` methods, the decoder), so a
hostile 4 MB body costs about as much as an honest one.
"""

import json
import re
from typing import Any, Final, NoReturn

from django.utils.translation import gettext, gettext_noop

from api.errors import BodyTooLarge, InvalidRequest
from api.numbers import written

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_CONTAINERS: Final = 100_000
MAX_INTEGER: Final = 2**63

PROBLEMS: Final = (  # what Python says most often, in English; a page says these to its reader
    gettext_noop("Expecting value"),
    gettext_noop("Expecting ',' delimiter"),
    gettext_noop("Expecting ':' delimiter"),
    gettext_noop("Expecting property name enclosed in double quotes"),
    gettext_noop("Illegal trailing comma before end of object"),
    gettext_noop("Illegal trailing comma before end of array"),
    gettext_noop("Unterminated string starting at"),
    gettext_noop("Invalid control character at"),
    gettext_noop("Invalid \\escape"),
    gettext_noop("Extra data"),
)

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SAME_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
# Everything up to the first escape that makes a NUL or half a character.
_GOOD_ESCAPES = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?!0000|[dD][89a-fA-F])|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+",
    re.DOTALL,
)
# An exponent, or enough digits for a number that no 64-bit integer holds.
_LARGE_NUMBERS = re.compile(rb"\d(?:[eE]|\d{18})")


def loads(raw: bytes) -> object:
    """The value of a JSON text; anything doubtful raises InvalidRequest in a clear sentence."""
    if len(raw) > MAX_BYTES:
        said = gettext("The JSON is larger than %(most)s bytes. Send less in one call.")
        raise BodyTooLarge(said % {"most": written(MAX_BYTES)})
    _check_depth(raw)
    if b"\\u" in raw:
        _check_escapes(raw)
    decoder = _careful if _LARGE_NUMBERS.search(raw) else _quick
    try:
        return decoder.decode(raw.decode())
    except UnicodeDecodeError as error:
        said = gettext("The body is not valid UTF-8 at byte %(byte)d.")
        raise InvalidRequest(said % {"byte": error.start}) from error
    except json.JSONDecodeError as error:
        said = gettext(
            "The body is not valid JSON: %(problem)s at line %(line)d, column %(column)d."
        )
        where = {"line": error.lineno, "column": error.colno}
        raise InvalidRequest(said % {"problem": gettext(error.msg), **where}) from error


def _check_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", raw).translate(_SAME_BRACKETS, _NOT_BRACKETS)
    if len(brackets) > 2 * MAX_CONTAINERS:
        said = gettext("The JSON has more than %(most)s arrays and objects.")
        raise InvalidRequest(said % {"most": written(MAX_CONTAINERS)})
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")  # takes the innermost pairs away
    if brackets:
        said = gettext(
            "The JSON is nested deeper than %(most)d levels, or its brackets do not match."
        )
        raise InvalidRequest(said % {"most": MAX_DEPTH})


def _check_escapes(raw: bytes) -> None:
    good = _GOOD_ESCAPES.match(raw)
    rest = raw[good.end() :] if good else raw
    if rest.startswith(b"\\u0000"):
        raise InvalidRequest(gettext("Text may not contain the NUL character (\\u0000)."))
    if rest.startswith(b"\\u"):
        said = gettext("Text may not contain half a surrogate pair (\\ud800 to \\udfff).")
        raise InvalidRequest(said)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_twins(pairs)
    return found


def _refuse_twins(pairs: list[tuple[str, Any]]) -> NoReturn:
    seen: set[str] = set()
    twice = ""
    for twice, _ in pairs:
        if twice in seen:
            break
        seen.add(twice)
    said = gettext("The name %(name)r appears twice in one JSON object.")
    raise InvalidRequest(said % {"name": twice[:64]})


def _constant(name: str) -> NoReturn:
    raise InvalidRequest(gettext("%(name)s is not a JSON number.") % {"name": name})


def _float(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise InvalidRequest(gettext("A number is too large for 64-bit floating point."))
    return number


def _int(text: str) -> int:
    if len(text) > len(str(-MAX_INTEGER)) or not -MAX_INTEGER <= int(text) < MAX_INTEGER:
        raise InvalidRequest(gettext("A whole number is too large for 64 bits."))
    return int(text)


_quick = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_careful = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)
