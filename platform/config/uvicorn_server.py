"""Uvicorn that drains websockets too, loses no caller who is in, and ends at a second signal."""

import asyncio
import os
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.strict_json import MAX_BYTES
from config.draining import Drain, close_parts, let_in
from config.patience import PATIENCE_SECONDS
from config.uvicorn_connection import Connection

_LOOKS_EVERY = 20  # ticks, for clients that are late
_IDLE_SECONDS = 75  # longer than proxies keep idle connections, so that they let go first


class UvicornServer(uvicorn.Server):
    """`run()` blocks until the process is told to stop."""

    patience = PATIENCE_SECONDS

    def __init__(self, application: ASGIApp, host: str, port: int, *, drain: Drain) -> None:
        config = uvicorn.Config(
            application,
            host=host,
            port=port,
            loop="uvloop",
            http=Connection,
            timeout_keep_alive=_IDLE_SECONDS,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # edge.py decides whom to believe
            backlog=1024,
            ws_max_size=2 * MAX_BYTES,  # what is a little over the limit is refused in words
            ws_per_message_deflate=False,  # events are small: packing costs more than it saves
            timeout_graceful_shutdown=2,  # after our own waiting
        )
        super().__init__(config)
        self.drain = drain

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, until a stop."""
        if counter % _LOOKS_EVERY == 0:
            for connection in self._connections():
                connection.close_if_late(self.patience)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not recorded as uvicorn does: it would raise the signal again and end us by it.
        if self.drain.begin():
            self.should_exit = True
        else:
            self.force_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._close_the_door()
        for connection in self._connections():
            if not connection.is_idle():
                connection.shutdown()  # closes after its answer
        await asyncio.sleep(0.02)  # those whom the loop has let in appear among the connections
        while self._lingers():  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.02)
        for connection in self._connections():
            connection.shutdown()
        # uvicorn tells nobody that a task has ended.
        while self.drain.waits() and self.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        await self.drain.runs_end()
        await close_parts()

    async def _close_the_door(self) -> None:
        loop = asyncio.get_running_loop()
        for server in self.servers:
            # The loop's own objects cannot be duplicated, only what they stand for.
            doors = [os.dup(listener.fileno()) for listener in server.sockets]
            server.close()
            for door in doors:
                for caller in let_in(socket.socket(fileno=door)):
                    await loop.connect_accepted_socket(self._connection, caller)

    def _lingers(self) -> bool:
        return self.drain.lingers() and any(one.is_idle() for one in self._connections())

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    def _connections(self) -> list[Connection]:
        """Without websockets, which end by themselves."""
        return [one for one in self.server_state.connections if isinstance(one, Connection)]
