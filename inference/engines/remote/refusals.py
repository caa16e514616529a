"""What a server refused, in our words: whose fault it is, and whether another one may be asked."""

import json
import re
from http import HTTPStatus
from typing import Any, Final

from inference.engines.base import (
    ContextTooLong,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
    InvalidGeneration,
)
from inference.engines.replicas import Fault

AWAY: Final = "This model's server does not answer."
_CALLER: Final = {
    HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY,
}  # fmt: skip
_FULL: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_BROKEN: Final = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
_FAILED: Final = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.REQUEST_TIMEOUT}  # Ray's own limit
_LONGEST_MESSAGE: Final = 500
_LONGEST_WAIT: Final = 60.0
_TOO_LONG: Final = re.compile(
    r"context_length_exceeded|maximum (context|model length)|context (size|length|window)"
)
_PLACES: Final = re.compile(r"(https?|file)://\S+|(?<![\w.])/(?:[\w.-]+/)+[\w.-]*")


def away(why: str = AWAY) -> Fault:
    return Fault(EngineUnavailable(why))


def senseless(error: GenerationFailed) -> Fault:
    """What it said cannot be used, or it failed. That may be this request's own doing, so it does
    not count against the server: else one caller could make it look ill for all."""
    return Fault(error, breaks=False)


def of_status(status: int, retry_after: str | None, body: bytes) -> Fault:
    """An answer that is not 200."""
    if status in _CALLER:
        return Fault(_callers_own(body), moves=False, breaks=False)
    if status in _FULL:
        wait = EngineOverloaded("This model's servers are busy. Try again.", _wait(retry_after))
        return Fault(wait, breaks=False)
    if status in _BROKEN:
        return away()
    if status in _FAILED:
        return senseless(GenerationFailed("The model's server failed on this request."))
    return Fault(EngineUnavailable("The model's server refuses this platform."))


def of_event(error: Any) -> Fault | None:
    """An answer that was 200 and then, before its first word, an error: vLLM and SGLang look at a
    request after they have answered. None: not the caller's own doing."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and code in _CALLER | _FULL:
        return of_status(code, None, json.dumps(error).encode())
    return None


def _callers_own(body: bytes) -> InvalidGeneration:
    message, param, code = _envelope(body)
    if _TOO_LONG.search(f"{code} {message}"):
        return ContextTooLong(message, param)
    return InvalidGeneration(message, param)


def _envelope(body: bytes) -> tuple[str, str | None, str | None]:
    """Message, param and code of OpenAI's envelope, or of what looks like it."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    error = told.get("error", told.get("detail", told)) if isinstance(told, dict) else None
    if isinstance(error, list) and error and isinstance(error[0], dict):
        error = _first_complaint(error[0])
    fields = error if isinstance(error, dict) else {"message": error}
    message, param, code = (_text(fields.get(name)) for name in ("message", "param", "code"))
    return message or "The model's server refuses this request.", param, code


def _first_complaint(said: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's own words of a body that does not fit (transformers serve, llama-cpp-python)."""
    place = said.get("loc")
    names = [one for one in place[1:] if isinstance(one, str)] if isinstance(place, list) else []
    return {"message": said.get("msg"), "param": names[0] if names else None}


def _text(value: object) -> str | None:
    """Short, printable, without addresses or paths of the machines behind us."""
    if not isinstance(value, str) or not value:
        return None
    line = "".join(letter for letter in value if letter.isprintable())
    return _PLACES.sub("…", line)[:_LONGEST_MESSAGE]


def _wait(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 1.0), 0.1), _LONGEST_WAIT)
    except ValueError:
        return 1.0
