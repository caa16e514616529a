"""One socket: frames in, events out; a lane's responses one after another, lanes side by side."""

import asyncio
from collections.abc import Coroutine
from typing import Final

from django.conf import settings
from starlette.types import Message, Receive, Scope, Send

from accounts.authentication import WRONG
from api.errors import ApiError, InvalidRequest, RateLimited, Unauthenticated, Unavailable
from inference.gateway.websocket import frames
from inference.gateway.websocket.frames import Frame
from inference.gateway.websocket.lanes import Lane
from inference.gateway.websocket.memory import Memory
from inference.gateway.websocket.turns import Turn
from inference.open_sockets import Watch

LIFETIME: Final = 3600.0  # seconds, as OpenAI's
MOST_LANES: Final = 32  # with a name
MOST_ACTIVE: Final = 16  # responses at the same time
MOST_WAITING: Final = 16  # frames behind them
MOST_WAITING_BYTES: Final = 256 * 1024  # in all; one alone may be as large as a frame can be
FINISHED: Final = 1000
RESTARTING: Final = 1012
KEY_ENDED: Final = 4401
BEFORE_THE_CUT: Final = 2.0  # seconds before the server ends what has not ended
TOO_OLD: Final = "This connection is an hour old. Open another one and go on there."


class Connection:
    """Nothing that goes wrong with one response ends the others, or the connection.

    Who leaves ends what nobody can read again; what is stored goes on.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, key_id: str) -> None:
        self.scope = scope
        self.key_id = key_id
        self.memory = Memory()
        self.gone = False
        self._receive = receive
        self._wire = send
        self._one_at_a_time = asyncio.Lock()
        self._lanes: dict[str | None, Lane] = {}
        self._ending: ApiError | None = None
        self._close_code = FINISHED
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until the client leaves, or has been told to."""
        sockets = Sockets.of_this_loop()
        sockets.follow(self)
        timer = asyncio.get_running_loop().call_later(LIFETIME, self._grown_old)
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                await self._hear(message)
        finally:
            timer.cancel()
            sockets.forget(self)
            self.abandon()

    def abandon(self) -> None:
        """The client has gone. Synchronous and repeatable, so that any ending can do it."""
        self.gone = True
        for lane in self._lanes.values():
            lane.abandon()

    def server_stops(self) -> None:
        """Responses that run may end, new ones are refused, then the socket closes."""
        problem = Unavailable("The server is shutting down. Connect again.", retry_after=2)
        self._end(problem, RESTARTING)
        patience = max(0.0, settings.DRAIN_SECONDS - BEFORE_THE_CUT)
        asyncio.get_running_loop().call_later(patience, self._close)

    def key_ended(self) -> None:
        """Revoked, expired, or of a suspended organisation: it has nothing to hear any more."""
        if self._close_code != KEY_ENDED:
            self._close_code = KEY_ENDED
            self._later(frames.error(Unauthenticated(WRONG)))
            self._close()

    async def send(self, text: str) -> None:
        """Waits while the client does not read."""
        await self._send({"type": "websocket.send", "text": text})

    async def tell(self, problem: ApiError, lane: str | None = None) -> None:
        await self.send(frames.error(problem, lane))

    async def _hear(self, message: Message) -> None:
        raw = message.get("bytes") or (message.get("text") or "").encode()
        lane = None
        try:
            frame = frames.read(raw)
            lane = frame.lane
            await self._obey(frame)
        except ApiError as error:
            await self.tell(error, lane)

    async def _obey(self, frame: Frame) -> None:
        match frame.kind:
            case frames.CREATE:
                self._queue(frame)
            case frames.CANCEL:
                self._cancel(frame)
            case _:
                await self.send(frames.steer_failed(frame))

    def _queue(self, frame: Frame) -> None:
        if self._ending:
            raise self._ending
        lane = self._lane(frame.lane)
        lane.waiting.append(frame)
        self._go_on()
        if lane.waiting and self._too_many_wait():
            lane.waiting.pop()
            raise RateLimited(
                "Too many responses wait on this connection. Wait for one to end.", retry_after=1
            )

    def _too_many_wait(self) -> bool:
        sizes = [len(frame.raw) for lane in self._lanes.values() for frame in lane.waiting]
        return len(sizes) > MOST_WAITING or (len(sizes) > 1 and sum(sizes) > MOST_WAITING_BYTES)

    def _lane(self, name: str | None) -> Lane:
        if name not in self._lanes:
            if name is not None and len(self._lanes.keys() - {None}) >= MOST_LANES:
                raise InvalidRequest(
                    f"This connection has {MOST_LANES} streams already. Use one of them again.",
                    param="stream_id",
                    code="websocket_stream_limit_reached",
                )
            self._lanes[name] = Lane()
        return self._lanes[name]

    def _cancel(self, frame: Frame) -> None:
        response_id = frame.body.get("response_id")
        for lane in self._lanes.values():
            if lane.turn and lane.turn.cancel(response_id):
                return
        raise InvalidRequest(
            "No response with this id runs on this connection.",
            param="response_id",
            code="response_not_found",
        )

    def _go_on(self) -> None:
        """Start whatever may start now; with nothing left to do, end if that is wanted."""
        if self.gone:
            return
        for lane in self._lanes.values():
            active = sum(lane.turn is not None for lane in self._lanes.values())
            if lane.waiting and lane.turn is None and active < MOST_ACTIVE:
                lane.begin(Turn(self, lane.waiting.popleft()), self._go_on)
        if self._ending and not any(lane.turn for lane in self._lanes.values()):
            self._close()

    def _grown_old(self) -> None:
        problem = InvalidRequest(TOO_OLD, code="websocket_connection_limit_reached")
        self._later(frames.error(problem))
        self._end(problem, FINISHED)

    def _end(self, problem: ApiError, code: int) -> None:
        """Take no new responses; close when those that run are done."""
        if self._ending is None:
            self._ending, self._close_code = problem, code
            for name, lane in self._lanes.items():
                for _ in lane.waiting:
                    self._later(frames.error(problem, name))
                lane.waiting.clear()
            self._go_on()

    def _later(self, text: str) -> None:
        self._do(self.send(text))

    def _close(self) -> None:
        self._do(self._send({"type": "websocket.close", "code": self._close_code}))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _send(self, message: Message) -> None:
        async with self._one_at_a_time:
            if self.gone:
                return
            try:
                await self._wire(message)
                if message["type"] == "websocket.close":
                    self.abandon()
            except OSError:  # it left between two frames; `serve` is about to hear of it
                self.abandon()


class Sockets(Watch[Connection]):
    """The connections of one event loop."""
