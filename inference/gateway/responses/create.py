"""POST /responses: one object, a stream of its events, or at once what will be done later."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from accounts.idempotency import REPLAYED
from api import request_ids, strict_json
from api.errors import InternalError
from inference import responses
from inference.gateway import answers
from inference.gateway.admission import admit
from inference.gateway.endpoint import Border
from inference.gateway.responses.event_stream import send_events
from inference.responses import ResponseRun
from inference.responses.output import to_json
from inference.responses.response_run import OK
from inference.schemas.responses import ResponseRequest

JSON: Final = "application/json"


class Create(Border):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await admit(scope, receive)
        asked = responses.parse_request(strict_json.loads(admitted.raw))
        response_id = request_ids.current().replace("req_", "resp_", 1)
        response = await responses.begin(asked, admitted, response_id)
        request_ids.on_abandon(response.leave)
        watch = asyncio.create_task(_leave_when_gone(receive, response))
        try:
            if asked.stream:
                await _send_stream(send, response)
            elif answer := await _answered(asked, response):
                await answer(scope, receive, send)
        finally:
            watch.cancel()


async def _answered(asked: ResponseRequest, response: ResponseRun) -> Response | None:
    """None for a client that has gone."""
    if asked.background:
        await response.opened()
        body, headers = response.body, answers.lowered(response.run)
    else:
        finished = await response.finished()
        if finished is None:
            return None
        body, headers = finished, answers.headers(response.run)
    if stored := response.run.replayed:
        return Response(stored.body, stored.status, {**stored.headers, **REPLAYED}, JSON)
    return Response(to_json(body), OK, headers, JSON)


async def _send_stream(send: Send, response: ResponseRun) -> None:
    """Nothing is sent before the first event, so that until then a failure has its own status."""
    events = response.events()
    first = await anext(events, None)
    if response.left:
        return
    stored = response.run.replayed
    if stored and stored.status != OK:
        await answers.send_stored(send, stored)
    elif first is None:
        raise InternalError("The answer was empty. Try again.")
    else:
        extra = {**stored.headers, **REPLAYED} if stored else answers.lowered(response.run)
        await send_events(send, first, events, extra)


async def _leave_when_gone(receive: Receive, response: ResponseRun) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    response.leave()
