"""Who may open a socket: the key is looked at before anything is accepted."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from accounts.authentication import Caller
from api import health, open_places
from api.asgi import refuse
from api.errors import ApiError, RateLimited, Unavailable
from inference.gateway.admission import known
from inference.gateway.websocket import frames
from inference.gateway.websocket.connection import Connection

MOST_CONNECTIONS: Final = 100  # of one key
REFUSED: Final = {401: 4401, 403: 4403, 429: 4429}  # where a handshake cannot have a status
OVERLOADED: Final = 1013
BROKEN: Final = 1011
logger = logging.getLogger(__name__)


class Handshake:
    """An ASGI application for websockets."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            caller = await _admitted(scope)
            give_back = await _counted(caller)
        except ApiError as error:
            await _refuse(scope, send, error)
            return
        with ExitStack() as leaving:
            leaving.callback(give_back)
            await send({"type": "websocket.accept"})
            try:
                await Connection(scope, receive, send, caller.key_id).serve()
            except Exception:
                logger.exception("connection_failed")
                await send({"type": "websocket.close", "code": BROKEN})


async def _admitted(scope: Scope) -> Caller:
    if health.draining:
        raise Unavailable("The server is shutting down. Connect again.", retry_after=2)
    return await known(scope)


async def _counted(caller: Caller) -> Callable[[], None]:
    give_back = await open_places.take(f"key {caller.meter_id}", MOST_CONNECTIONS)
    if give_back is None:
        raise RateLimited(
            f"This key has {MOST_CONNECTIONS} connections open. Close one, or use one for more: "
            "responses with different values of stream_id run side by side.",
            code="too_many_connections",
            retry_after=5,
        )
    return give_back


async def _refuse(scope: Scope, send: Send, error: ApiError) -> None:
    """With its status where the server can; else told in a frame, and by the code of the end."""
    if "websocket.http.response" in scope.get("extensions", {}):

        async def before_the_upgrade(message: Message) -> None:
            await send({**message, "type": f"websocket.{message['type']}"})

        await refuse(before_the_upgrade, error)
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": frames.error(error)})
    await send({"type": "websocket.close", "code": REFUSED.get(error.status, OVERLOADED)})
