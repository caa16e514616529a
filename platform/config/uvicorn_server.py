"""Uvicorn that drains websockets too, and whose second signal of any kind forces the end."""

import asyncio
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.strict_json import MAX_BYTES
from config.draining import Drain, close_parts


class UvicornServer(uvicorn.Server):
    """`run()` blocks until the process is told to stop."""

    def __init__(self, application: ASGIApp, host: str, port: int, *, drain: Drain) -> None:
        config = uvicorn.Config(
            application,
            host=host,
            port=port,
            loop="asyncio",
            http="httptools",
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

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not recorded as uvicorn does: it would raise the signal again and end us by it.
        if self.drain.begin():
            self.should_exit = True
        else:
            self.force_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            # Idle ones close, answering ones close after their answer. Websockets would be cut.
            if isinstance(connection, self.config.http_protocol_class):
                connection.shutdown()
        # uvicorn tells nobody that a task has ended.
        while self.drain.waits() and self.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        await self.drain.runs_end()
        await close_parts()
