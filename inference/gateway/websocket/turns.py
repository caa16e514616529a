"""One turn on a socket: the key is asked again, a response begins, its events are sent."""

import logging
import time
from collections.abc import Sequence
from typing import Final, Protocol

from starlette.types import Scope

from accounts import metering
from api import ids
from api.errors import ApiError, InternalError, Unavailable
from billing.pricing import usd
from inference import responses
from inference.event_log import Event, EventsGone
from inference.gateway.admission import Admitted, known
from inference.gateway.contexts.preparing import prepare
from inference.gateway.endpoint import FAILED
from inference.gateway.websocket import frames
from inference.gateway.websocket.frames import Frame
from inference.gateway.websocket.memory import Memory
from inference.responses import ResponseRun
from inference.responses.body import queued
from inference.responses.narration import Narrator
from inference.schemas.responses import ResponseRequest

TOO_SLOW: Final = "You have read too slowly: events of this response are lost."
UNUSED: Final = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
    "cost": usd(0),
}
logger = logging.getLogger(__name__)


class Socket(Protocol):
    scope: Scope
    memory: Memory
    gone: bool

    async def send(self, text: str) -> None: ...

    async def tell(self, problem: ApiError, lane: str | None = None) -> None: ...


class Turn:
    def __init__(self, socket: Socket, frame: Frame) -> None:
        self._socket = socket
        self._frame = frame
        self._run: ResponseRun | None = None

    async def take(self) -> None:
        try:
            await self._answer()
        except ApiError as error:
            await self._tell(error)
        except EventsGone:
            await self._tell(Unavailable(TOO_SLOW, code="events_lost"))
        except Exception:
            logger.exception("turn_failed")
            await self._tell(InternalError(FAILED))

    def cancel(self, response_id: object) -> bool:
        """End this response, if it is the one."""
        if self._run is None or self._run.id != response_id:
            return False
        self._run.cancel()
        return True

    def leave(self) -> bool:
        """The client has gone: may this turn be cut short? One that is beginning leaves later."""
        if self._run is None:
            return False
        self._run.leave()
        return True

    async def _answer(self) -> None:
        admitted = await self._admitted()
        asked, generate = frames.create_of(self._frame)
        response_id = ids.new("resp")
        if not generate:
            await self._prepare(asked, admitted, response_id)
            return
        if self._socket.gone:
            return
        earlier = self._socket.memory.items_of(asked.previous_response_id)
        run = self._run = await responses.begin(asked, admitted, response_id, earlier=earlier)
        if self._socket.gone:
            run.leave()
            return
        async for events in run.events():
            await self._send(events)
        final = None if run.run.failure else await run.finished()
        if final:
            self._socket.memory.keep(run.id, [*run.items, *final["output"]])

    async def _prepare(self, asked: ResponseRequest, admitted: Admitted, response_id: str) -> None:
        """`generate: false`: all is checked and remembered, nothing is made, nothing charged."""
        earlier = self._socket.memory.items_of(asked.previous_response_id)
        ready = await prepare(asked, admitted, response_id, earlier)
        body = queued(asked.model_copy(update={"store": False}), response_id, ready.entry.requested)
        self._socket.memory.keep(response_id, ready.context.items)
        final = {**body, "status": "completed", "completed_at": int(time.time()), "usage": UNUSED}
        await self._send(Narrator(final).retell())

    async def _admitted(self) -> Admitted:
        """As on every call: a key that was revoked since the handshake is refused."""
        caller = await known(self._socket.scope)
        request = await metering.atake_request(caller)
        return Admitted(caller, request, self._frame.raw, None)

    async def _send(self, events: Sequence[Event]) -> None:
        for event in events:
            await self._socket.send(frames.of_event(event, self._frame.lane))

    async def _tell(self, problem: ApiError) -> None:
        await self._socket.tell(problem, self._frame.lane)
