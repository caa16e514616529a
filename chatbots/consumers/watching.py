"""What reaches chats from outside: as every socket, and their chatbot changes."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from accounts import standing
from accounts.standing import Member
from api import database
from chatbots.consumers.opening import MAKING
from inference import open_sockets
from inference.open_sockets import Open


@dataclass(frozen=True, slots=True)
class State:
    """What tells that a chatbot is not any more as it was when a socket read it."""

    paused: bool
    version_number: int | None
    token_generation: int
    draft_changed_at: datetime


class Watched(Open, Protocol):
    chatbot_id: str
    maker: Member | None

    def chatbot_is(self, state: State | None) -> None: ...

    def time_passes(self, now: float) -> None: ...


class Watch(open_sockets.Watch[Watched]):
    """The chats of one event loop."""

    def time_passes(self, sockets: Sequence[Watched]) -> None:
        now = asyncio.get_running_loop().time()
        for socket in sockets:
            socket.time_passes(now)

    async def tell(self, sockets: Sequence[Watched], good: Collection[str]) -> None:
        makers = {socket.maker for socket in sockets if socket.maker}
        may = await standing.still_may(MAKING, makers)
        states = await _states({socket.chatbot_id for socket in sockets})
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
