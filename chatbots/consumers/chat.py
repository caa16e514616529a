"""The Channels consumer of chat.v1: hears frames in order, opens sessions, watches chatbots."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from accounts.standing import Member
from api import health
from api.errors import ApiError, InternalError, ServerOverloaded, Unauthenticated, Unavailable
from chatbots.consumers import counting, opening, watching
from chatbots.consumers.errands import FAILED
from chatbots.consumers.opening import Call
from chatbots.consumers.pipe import Pipe
from chatbots.consumers.session import STOPPING, Session
from chatbots.consumers.watching import State
from chatbots.finding import Live
from chatbots.protocol import reading, writing
from chatbots.protocol.client import Introduction, Ping, SessionUpdate
from chatbots.protocol.limits import HEARTBEAT_SECONDS, SESSION_SECONDS, SUBPROTOCOL, Close
from chatbots.protocol.server import Pong

BEFORE_THE_CUT: Final = 2.0  # seconds before the server ends what has not ended
NO_SUBPROTOCOL: Final = f"Ask for the subprotocol {SUBPROTOCOL}."
SESSION_FIRST: Final = "The first frame is session.update."
logger = logging.getLogger(__name__)


class ChatConsumer(Pipe):
    """One socket, one session at a time."""

    call: Call

    def __init__(self) -> None:
        super().__init__()
        self.key_id = self.chatbot_id = ""
        self.maker: Member | None = None
        self._session: Session | None = None
        self._allowance = counting.Allowance()
        self._address: Callable[[], None] | None = None
        self._places: list[Callable[[], None]] = []  # of the session
        self._impatience: asyncio.TimerHandle | None = None
        self._draft_changed_at: datetime | None = None
        self._reading_anew: asyncio.Task[None] | None = None

    async def connected(self) -> None:
        route: Any = self.scope["url_route"]
        self.call = opening.call_of(dict(self.scope), route["kwargs"]["name"])
        speaks = SUBPROTOCOL in self.scope["subprotocols"]
        await self.accept(SUBPROTOCOL if speaks else None)
        loop = asyncio.get_running_loop()
        self._impatience = loop.call_later(SESSION_SECONDS, self.end, Close.NO_SESSION)
        try:
            self._address = await counting.take("address", self.call.address or "")
            if not speaks:
                raise reading.BadFrame(NO_SUBPROTOCOL)
            if health.draining:
                raise ServerOverloaded(STOPPING, retry_after=2)
        except ApiError as error:
            self.refuse(error)

    async def heard(self, message: dict[str, Any]) -> None:
        """Only a bad frame, or a session that may not be, ends the connection."""
        event_id = None
        try:
            self._allowance.take()
            body = reading.body_of(message.get("text"))
            event_id = reading.event_id_of(body)
            await self._obey(body)
        except ApiError as error:
            if self._session is None or isinstance(error, reading.BadFrame):
                self.refuse(error, event_id)
            else:
                self.outbox.put(writing.error(error, event_id))
        except Exception:  # a border: the trouble of one socket, told and logged
            logger.exception("chat_frame_failed")
            self.refuse(InternalError(FAILED), event_id)

    def left(self) -> None:
        self._leave_session()
        if self._impatience:
            self._impatience.cancel()
        if self._address:
            self._address()

    async def _obey(self, body: dict[str, Any]) -> None:
        if self._session is None and body.get("type") != "session.update":
            raise reading.BadFrame(SESSION_FIRST)
        frame = reading.frame_of(body)
        match frame:
            case Ping(t=t):
                self.outbox.put(writing.text_of(Pong(t=t)))
            case SessionUpdate(session=asked):
                await self._open(asked, frame.event_id)
            case _ if self._session:
                await self._session.obey(frame)

    async def _open(self, asked: Introduction, event_id: str | None) -> None:
        """A session, or the end. Where there was one, it is over."""
        self._leave_session()
        try:
            guest = await opening.admitted(asked, self.call)
            self._places.append(await counting.take("chatbot", guest.live.chatbot_id))
            if guest.speaker.visitor_id:  # a program's key has limits of its own
                self._places.append(await counting.take("visitor", guest.speaker.visitor_id))
            self.key_id, self.chatbot_id = guest.speaker.key_id, guest.live.chatbot_id
            self.maker = guest.maker
            self._session = Session(guest, self.outbox)
            await self._session.begin(asked)
        except ApiError as error:
            self.refuse(error, event_id)
            return
        if self._impatience:
            self._impatience.cancel()
        watching.Watch.of_this_loop().follow(self)

    def _leave_session(self) -> None:
        watching.Watch.of_this_loop().forget(self)
        if self._session:
            self._session.close()
            self._session = None
        for give_back in self._places:
            give_back()
        self._places.clear()

    # What comes from outside: see watching.Watched.

    def server_stops(self) -> None:
        watching.Watch.of_this_loop().forget(self)
        if self._session:
            patience = max(0.0, settings.DRAIN_SECONDS - BEFORE_THE_CUT)
            asyncio.get_running_loop().call_later(patience, self.end, Close.RESTART)
            self._session.stop(lambda: self.end(Close.RESTART))

    def key_ended(self) -> None:
        self.refuse(Unauthenticated(opening.WRONG_KEY, param="session.key", code="invalid_key"))

    def chatbot_is(self, state: State | None) -> None:
        if self._session is None or self.ending:
            return
        if state is None or state.paused:
            self.refuse(opening.unknown())
        elif self._is_outdated(self._session.guest.live, state) and not self._is_reading_anew:
            self._reading_anew = asyncio.create_task(self._read_anew(self._session))

    def time_passes(self, now: float) -> None:
        if now - self.outbox.put_at >= HEARTBEAT_SECONDS:
            self.outbox.put(writing.text_of(Pong()))
        if self._session:
            self._session.renew_if_old()

    @property
    def _is_reading_anew(self) -> bool:
        return self._reading_anew is not None and not self._reading_anew.done()

    def _is_outdated(self, live: Live, state: State) -> bool:
        if live.draft:
            before, self._draft_changed_at = self._draft_changed_at, state.draft_changed_at
            return before not in {None, state.draft_changed_at}
        return (live.version_number, live.token_generation) != (
            state.version_number,
            state.token_generation,
        )

    async def _read_anew(self, session: Session) -> None:
        """The chatbot has changed: its settings are told, unless they end the session."""
        try:
            session.renew(await opening.still_admitted(session.guest, self.call))
        except Unavailable:
            pass  # at the next look
        except ApiError as error:
            self.refuse(error)
