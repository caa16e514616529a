"""What reaches sockets from outside: the server stops, a key ends, a chatbot changes, time passes.

One look for all sockets of an event loop, four times a second; each fourth asks the database.
"""

import asyncio
import logging
import weakref
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final, Protocol

from accounts import standing
from accounts.authentication import still_good
from accounts.standing import Member
from api import database, health
from chatbots.consumers.opening import MAKING
from inference.runs.failures import DATABASE_AWAY

INTERVAL: Final = 0.25
ASKED_EVERY: Final = 4  # looks
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What tells that a chatbot is not any more as it was when a socket read it."""

    paused: bool
    version_number: int | None
    token_generation: int
    draft_changed_at: datetime


class Watched(Protocol):
    key_id: str
    chatbot_id: str
    maker: Member | None

    def server_stops(self) -> None: ...

    def key_ended(self) -> None: ...

    def chatbot_is(self, state: State | None) -> None: ...

    def time_passes(self, now: float) -> None: ...


class Watch:
    """The sockets of one event loop."""

    def __init__(self) -> None:
        self._open: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks = count(1)
        self._asking = False

    def follow(self, socket: Watched) -> None:
        self._open.add(socket)
        if self._timer is None:
            self._wait()

    def forget(self, socket: Watched) -> None:
        self._open.discard(socket)
        if self._timer and not self._open:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = None
        if health.draining:
            for socket in list(self._open):
                socket.server_stops()
        elif next(self._looks) % ASKED_EVERY == 0:
            now = asyncio.get_running_loop().time()
            for socket in list(self._open):
                socket.time_passes(now)
            if not self._asking:
                self._asking = True
                database.later(self._ask())
        if self._open:
            self._wait()

    async def _ask(self) -> None:
        """While the database is away nobody is sent off."""
        sockets = list(self._open)
        try:
            good = await still_good({socket.key_id for socket in sockets})
            makers = {socket.maker for socket in sockets if socket.maker}
            may = await standing.still_may(MAKING, makers)
            states = await _states({socket.chatbot_id for socket in sockets})
        except DATABASE_AWAY:
            logger.warning("chatbots_not_asked_for", extra={"sockets": len(sockets)})
            return
        finally:
            self._asking = False
        for socket in sockets:
            if socket.key_id in good and (socket.maker is None or socket.maker in may):
                socket.chatbot_is(states.get(socket.chatbot_id))
            else:
                socket.key_ended()


async def state_of(chatbot_id: str) -> State | None:
    return (await _states({chatbot_id})).get(chatbot_id)


async def _states(chatbot_ids: set[str]) -> dict[str, State]:
    async with database.connection() as connection:
        rows = await (await connection.execute(_STATES, (list(chatbot_ids),))).fetchall()
    return {chatbot_id: State(*rest) for chatbot_id, *rest in rows}


_STATES: Final = """
    SELECT bot.id, bot.paused_at IS NOT NULL, version.number, bot.token_generation,
           bot.draft_changed_at
      FROM chatbots_chatbot AS bot
      LEFT JOIN chatbots_version AS version ON version.id = bot.live_id
     WHERE bot.id = ANY(%s)
"""
_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watch]" = (
    weakref.WeakKeyDictionary()
)


def of_this_loop() -> Watch:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Watch()
    return _of_loop[loop]
