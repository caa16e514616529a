"""Frames of the websocket mode: what clients send, read strictly, and what they are sent."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from api import strict_json
from api.errors import ApiError, InvalidRequest
from inference.event_log import Event
from inference.responses.narration import kind_of
from inference.responses.output import to_json
from inference.schemas.responses import ResponseRequest, parse_request

CREATE: Final = "response.create"
CANCEL: Final = "response.cancel"
STEER: Final = "response.steer"
KINDS: Final = (CREATE, CANCEL, STEER)
_LANE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")


@dataclass(frozen=True, slots=True)
class Frame:
    """`lane` is the client's `stream_id`: responses of one lane come one after another."""

    kind: str
    lane: str | None
    body: dict[str, Any]
    raw: bytes


def read(raw: bytes) -> Frame:
    """Raises InvalidRequest, BodyTooLarge."""
    body = strict_json.loads(raw)
    if not isinstance(body, dict):
        raise InvalidRequest("A frame must be a JSON object.", code="invalid_frame")
    lane = body.pop("stream_id", None)
    if not (lane is None or (isinstance(lane, str) and _LANE_NAME.fullmatch(lane))):
        raise InvalidRequest(
            "'stream_id' has 1 to 256 letters, digits, underscores, hyphens and full stops.",
            param="stream_id",
            code="invalid_stream_id",
        )
    kind = body.pop("type", None)
    if kind not in KINDS:
        raise InvalidRequest(
            f"The 'type' of a frame is one of {', '.join(KINDS)}.",
            param="type",
            code="invalid_frame",
        )
    return Frame(kind, lane, body, raw)


def create_of(frame: Frame) -> tuple[ResponseRequest, bool]:
    """What is asked, and whether an answer is to be generated. Raises InvalidRequest.

    What is about the transport does not count here: everything is streamed.
    """
    body = {**frame.body, "stream": True}
    if body.pop("background", None):
        raise InvalidRequest(
            "A websocket has no answers in the background. Use POST /v1/responses.",
            param="background",
            code="unsupported_parameter",
        )
    generate = body.pop("generate", None)
    if not (generate is None or isinstance(generate, bool)):
        raise InvalidRequest("'generate' is true or false.", param="generate", code="invalid_type")
    return parse_request(body), generate is not False


def of_event(event: Event, lane: str | None) -> str:
    data = _as_frame(event.data) if kind_of(event) == "error" else event.data
    return data if lane is None else f'{data[:-1]},"stream_id":"{lane}"}}'


def _as_frame(data: str) -> str:
    """A stream's error has its members side by side, a frame's has them in `error`."""
    told = json.loads(data)
    problem = {
        "type": "server_error",
        **{name: told[name] for name in ("message", "code", "param")},
    }
    return to_json({"type": "error", "sequence_number": told["sequence_number"], "error": problem})


def error(problem: ApiError, lane: str | None = None) -> str:
    """As the SDK's `ResponseWsError`: it ends one response, never the connection."""
    told: dict[str, Any] = {"type": "error", "status": problem.status}
    told["error"] = {**problem.body()["error"]}
    if headers := problem.headers():
        told["error"]["headers"] = headers
    if lane is not None:
        told["stream_id"] = lane
    return to_json(told)


def steer_failed(frame: Frame) -> str:
    """Input for a response that runs already: no model here can take any."""
    return to_json(
        {
            "type": "response.steer.failed",
            "sequence_number": 0,
            "error": {
                "type": "invalid_request_error",
                "code": "steering_not_supported",
                "message": "Models here cannot be steered. Send this when the response is done.",
            },
            "steer": {
                "input": frame.body.get("input"),
                "previous_response_id": frame.body.get("previous_response_id"),
            },
        }
    )
