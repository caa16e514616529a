"""Daphne that drains: on a signal streams run to their end, and their last bytes leave.

Stock Daphne cancels every application when it is told to stop, does not bound request bodies,
reads them whole before the application runs, and never waits for a client that does not read.
"""

import asyncio
import io
import signal
import weakref
from functools import partial
from pathlib import Path
from typing import Any

from daphne import http_protocol, server
from starlette.types import ASGIApp, Scope
from twisted.internet import defer, endpoints, reactor

from api.body_limits import Limits
from config.back_pressure import Flow, write_at_once
from config.children import CannotStart
from config.daphne_channel import Channel
from config.daphne_sockets import MOST_BYTES, SOCKET, BoundedSocket, read_at_its_pace
from config.draining import Drain, close_parts, let_in
from config.large_bodies import BODY, Body, read_piecewise
from config.patience import PATIENCE_SECONDS

_LINGER_BYTES = 64 * 1024 * 1024


class BoundedRequest(http_protocol.WebRequest):
    """Keeps one byte more than the limit, so that the application refuses the body by itself.

    What is over the limit is read and dropped: a client that is cut while it still sends would see
    a broken connection instead of our 413.
    """

    received = 0
    limit = 0
    flow: Flow | None = None

    def gotLength(self, _length: int | None) -> None:  # noqa: N802 - Twisted's name
        wire: Any = self.channel
        path = wire._path.partition(b"?")[0].decode("latin-1")  # noqa: SLF001 - not yet on the request
        headers = self.requestHeaders.getAllRawHeaders()
        named = [(name.lower(), value) for name, values in headers for value in values]
        self.limit = self.server.limits.of(path, named)
        large = self.limit > self.server.limits.usual
        self.content: Any = Body(self.server.incoming) if large else io.BytesIO()
        if self.transport not in self.server.transports:
            self.server.transports.add(self.transport)
            write_at_once(self.transport)

    def handleContentChunk(self, chunk: bytes) -> None:  # noqa: N802 - Twisted's name
        room = self.limit + 1 - self.received
        self.received += len(chunk)
        if room > 0:
            self.content.write(chunk[:room])
        elif self.received > self.limit + _LINGER_BYTES:
            wire: Any = self.transport
            wire.abortConnection()

    def finish(self) -> None:
        if self.producer:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        if self.flow:
            self.flow.stopProducing()
        super().connectionLost(reason)

    async def reader_keeps_up(self) -> None:
        """Wait for a client that reads slowly; give up on one that does not read at all."""
        if self.finished or self.channel is None:
            return
        if self.flow is None:
            self.flow = Flow()
            self.registerProducer(self.flow, True)
        if not await self.flow.opened():
            wire: Any = self.transport
            wire.abortConnection()


class DaphneServer(server.Server):
    """`run()` blocks until the process is told to stop. Raises CannotStart."""

    patience = PATIENCE_SECONDS

    def __init__(
        self,
        application: ASGIApp,
        host: str,
        port: int,
        *,
        drain: Drain,
        limits: Limits,
        incoming: Path,
    ) -> None:
        address = endpoints.quoteStringArgument(host)
        super().__init__(
            read_piecewise(read_at_its_pace(application)),
            endpoints=[f"tcp:port={port}:interface={address}:backlog=1024"],
            signal_handlers=False,  # ours: a second signal must force the end
            request_buffer_size=64 * 1024,
            websocket_max_message_size=MOST_BYTES,
            websocket_max_frame_size=MOST_BYTES,
            server_name="smarter",
        )
        self.drain = drain
        self.limits = limits
        self.incoming = incoming  # the folder of bodies that are too large for the memory
        self.ports: list[Any] = []
        self.channels: weakref.WeakSet[Any] = weakref.WeakSet()
        self.transports: weakref.WeakSet[Any] = weakref.WeakSet()  # of those that have spoken

    def run(self) -> None:
        reactor.callWhenRunning(self._listen_to_signals)
        super().run()
        if self.abort_start:
            raise CannotStart("The port cannot be listened on.")

    def listen_success(self, port: Any) -> None:
        # Daphne's own attempt to keep the port is void: this method returned nothing.
        self.ports.append(port)
        factory: Any = self.http_factory
        factory.protocol = Channel
        factory.timeOut = self.patience
        factory.buildProtocol = self._build_protocol
        self.ws_factory.protocol = BoundedSocket
        # What is too large ends with 1009, as under uvicorn, instead of a cut wire.
        self.ws_factory.setProtocolOptions(failByDrop=False)
        super().listen_success(port)

    def _build_protocol(self, address: Any) -> Any:
        protocol = http_protocol.HTTPFactory.buildProtocol(self.http_factory, address)
        # Nobody reads the form that Twisted would make of a body, all of it in memory.
        protocol.requestFactory = partial(BoundedRequest, parsePOSTFormSubmission=False)
        self.channels.add(protocol)
        return protocol

    def create_application(self, protocol: Any, scope: Scope) -> Any:
        content = getattr(protocol, "content", None)
        if isinstance(content, Body):
            protocol.content = io.BytesIO()  # Daphne would put all of it into memory
            scope = {**scope, BODY: content}
        if isinstance(protocol, BoundedSocket):
            scope = {**scope, SOCKET: protocol}
        return super().create_application(protocol, scope)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_event_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)

    def _told_to_stop(self) -> None:
        if self.drain.begin():
            self.stop()

    async def handle_reply(self, protocol: Any, message: Any) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, (BoundedRequest, BoundedSocket)):
            await protocol.reader_keeps_up()

    def kill_all_applications(self) -> "defer.Deferred[None]":
        """Daphne's hook before the reactor stops; it waits for what we return."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        for port in self.ports:
            await self._close_the_door(port)
        # Twisted tells nobody that the last byte has left.
        while self._is_needed():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if left := [details["application_instance"] for _, details in self._open()]:
            for application in left:
                application.cancel()
            await asyncio.wait(left, timeout=2)
        await self.drain.runs_end()
        await close_parts()

    async def _close_the_door(self, port: Any) -> None:
        listener = port.socket.dup()
        await port.stopListening().asFuture(asyncio.get_running_loop())
        for caller in let_in(listener):
            with caller:  # the reactor takes a copy
                reactor.adoptStreamConnection(caller.fileno(), caller.family, self.http_factory)

    def _is_needed(self) -> bool:
        busy = self.drain.waits() and self._is_busy()
        return busy or (self.drain.lingers() and self._has_newcomers())

    def _has_newcomers(self) -> bool:
        """Somebody is connected and has not asked anything yet."""
        transports = {channel.transport for channel in self.channels} - {None, *self.transports}
        return any(transport.connected for transport in transports)

    def _is_busy(self) -> bool:
        """Close connections whose answer is out; flushed ones count until their last byte left."""
        answering = {protocol.transport for protocol, _ in self._open()}
        for transport in set(self.transports) - answering:
            transport.unregisterProducer()  # or it asks for more at the last byte, and never closes
            transport.loseConnection()
        return any(transport.connected for transport in self.transports)

    def _open(self) -> list[tuple[Any, dict[str, Any]]]:
        return [
            (protocol, details)
            for protocol, details in self.connections.items()
            if (running := details.get("application_instance")) and not running.done()
        ]
