"""From the text of a frame to what it asks for."""

from typing import Any, Final

from api import strict_json
from api.errors import InvalidRequest
from chatbots.protocol.client import CLIENT_FRAMES, LONGEST_ID, REFUSED, Frame, kinds
from chatbots.protocol.limits import FRAME_BYTES
from inference.schemas import refusals

_BY_TYPE: Final = {kind: frame for frame in CLIENT_FRAMES for kind in kinds(frame)}
CODE: Final = "invalid_frame"


class BadFrame(InvalidRequest):
    """It does not even say what it is: the connection ends."""

    code = CODE


def body_of(text: str | None) -> dict[str, Any]:
    """The JSON object of a frame. Raises BadFrame."""
    if text is None:
        raise BadFrame("Frames are JSON as text, not bytes.")
    if len(raw := text.encode("utf-8", "surrogatepass")) > FRAME_BYTES:
        raise BadFrame(f"A frame has at most {FRAME_BYTES:,} bytes.")
    try:
        body = strict_json.loads(raw)
    except InvalidRequest as error:
        raise BadFrame(error.message.replace("The body", "The frame")) from None
    if not isinstance(body, dict):
        raise BadFrame("A frame is a JSON object with a `type`.")
    return body


def frame_of(body: dict[str, Any]) -> Frame:
    """Raises InvalidRequest, which ends nothing."""
    kind = body.get("type")
    schema = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if schema is None:
        raise InvalidRequest(
            f"The 'type' of a frame is one of {', '.join(_BY_TYPE)}.", param="type", code=CODE
        )
    for name in REFUSED if kind == "response.create" else ():
        if name in body:
            raise InvalidRequest(
                f"'{name}' is the chatbot's to decide. Leave it out.", param=name, code=CODE
            )
    try:
        return refusals.parse(schema, body)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param=error.param, code=CODE) from None


def event_id_of(body: dict[str, Any]) -> str | None:
    """For the error about a frame that could not be read."""
    found = body.get("event_id")
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else None
