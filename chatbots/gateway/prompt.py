"""POST /chatbots/{name}/prompt: one message to a chatbot, its answer whole or as a stream."""

from collections.abc import Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

from accounts import idempotency
from api import addresses, asgi, request_ids, sse, strict_json
from api.errors import ApiError, InvalidRequest, Unavailable
from chatbots import conversing, finding
from chatbots.conversing import Speaker, Turn
from chatbots.gateway.shapes import Shape
from chatbots.schemas.prompting import PromptRequest
from inference.event_log import EventsGone
from inference.gateway.admission import Admitted, admit, header
from inference.gateway.endpoint import Border
from inference.responses.narration import Narrator
from inference.schemas.refusals import parse

LOST = "The rest of the answer was lost on its way. Read the conversation to see it."


class Prompt(Border):
    """The Idempotency-Key is the message's event id: the same again is the same answer."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await admit(scope, receive)
        asked = parse(PromptRequest, strict_json.loads(admitted.raw))
        try:
            turn = await _begun(scope, admitted, asked)
        except ApiError:
            if admitted.request:
                admitted.request.cancel()  # what is refused costs nothing of the key's minute
            raise
        if asked.stream:
            await _stream(send, turn)
        else:
            await _whole(send, turn)


async def _begun(scope: Scope, admitted: Admitted, asked: PromptRequest) -> Turn:
    caller = admitted.caller
    live = await finding.by_name(caller.organisation_id, scope["path_params"]["name"])
    speaker = Speaker(
        caller.organisation_id,
        caller.key_id,
        address=addresses.of_scope(scope),
        caller=caller,
    )
    earlier, newest = _said(asked)
    return await conversing.begin(
        live,
        speaker,
        input=newest,
        conversation_id=asked.conversation,
        event_id=header(scope, idempotency.HEADER.encode()),
        metadata=asked.metadata,
        earlier=earlier,
    )


def _said(asked: PromptRequest) -> tuple[Sequence[tuple[str, str]], str]:
    if isinstance(asked.input, str):
        return (), asked.input
    *earlier, newest = asked.input
    if newest.role != "user":
        raise InvalidRequest("The last message is the user's.", param="input")
    return [(said.role, said.content) for said in earlier], newest.content


async def _whole(send: Send, turn: Turn) -> None:
    response = await turn.finished()
    if error := response["error"]:
        raise Unavailable(error["message"], code="generation_failed")
    cost = response["usage"]["cost"]
    request_ids.stamp(lambda: {"x-request-cost": cost})
    await asgi.answer(send, Shape(turn).whole(response))


async def _stream(send: Send, turn: Turn) -> None:
    """Who leaves ends nothing: the answer is kept, and can be read in its conversation."""
    shape, events = Shape(turn), turn.events()
    try:
        first = await anext(events)
    except EventsGone:  # one from before, or of another process: told again when it has ended
        first = Narrator(await turn.finished()).retell()
    await _start(send)
    await _body(send, shape.chunks(first))
    try:
        async for batch in events:
            await _body(send, shape.chunks(batch))
    except (EventsGone, ApiError):
        lost = Unavailable(LOST, code="events_lost")
        await _body(send, sse.error_event(lost).decode())
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send) -> None:
    headers: list[Any] = [
        (b"content-type", sse.CONTENT_TYPE.encode()),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _body(send: Send, text: str) -> None:
    if text:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
