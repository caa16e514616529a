"""From what is to be said to the text of a frame."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel

from api.errors import ApiError, RateLimited, Unavailable
from chatbots.protocol.server import Error, ErrorDetail
from inference.event_log import Event
from inference.responses.narration import kind_of
from inference.responses.output import to_json

_DELTA: Final = "response.output_text.delta"
_CODES: Final = {  # where the rest of this server has names of its own
    "rate_limit_exceeded": "rate_limited",
    "invalid_api_key": "invalid_key",
    "service_unavailable": "server_overloaded",
    "database_unavailable": "server_overloaded",
    "model_unavailable": "server_overloaded",
    "internal_error": "server_overloaded",
}


def text_of(frame: BaseModel) -> str:
    return frame.model_dump_json()


def error(problem: ApiError, event_id: str | None = None) -> str:
    """As the openai package's `ResponseWsError`."""
    code = problem.error_code
    waits = isinstance(problem, (RateLimited, Unavailable))
    detail = ErrorDetail(
        type=problem.type,
        code=_CODES.get(code, code) if code else None,
        message=problem.message,
        param=problem.param,
        retry_after=problem.retry_after if waits else None,
    )
    return Error(status=problem.status, event_id=event_id, error=detail).model_dump_json()


def texts_of(events: Sequence[Event]) -> Iterator[str]:
    """The frames of events that are ready together: neighbouring text is joined into one."""
    for group in _groups(events):
        if len(group) > 1:
            yield to_json(_joined(group))
        elif kind_of(group[0]) != "error":  # `response.failed` follows, and says the same
            yield group[0].data


def _groups(events: Iterable[Event]) -> Iterator[list[Event]]:
    group: list[Event] = []
    for event in events:
        if group and not (kind_of(event) == kind_of(group[0]) == _DELTA):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _joined(deltas: Sequence[Event]) -> dict[str, Any]:
    """One delta with the number of the last. An item's text is never followed by another's without
    an event between them."""
    told = [json.loads(event.data) for event in deltas]
    return {
        **told[-1],
        "delta": "".join(piece["delta"] for piece in told),
        "logprobs": [token for piece in told for token in piece.get("logprobs", ())],
    }
