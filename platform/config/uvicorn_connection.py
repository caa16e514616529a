"""One connection under uvicorn: it bears no endless head, waits for nobody for ever, and drains."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api import health
from api.errors import ApiError, InvalidRequest
from config.patience import MOST_HEAD, head_too_large, last_words, too_slow


class Connection(HttpToolsProtocol):
    """While the process drains, the next answer is the last one of its connection.

    Its parser would keep a line, a header or a trailer that never ends, and copy it with each piece
    that comes. It would wait for ever for the rest of a call, and tells an application only of the
    last of several calls in one go that their client has left.
    """

    unheard = 0  # bytes since the last ones of a body, or since a head's end
    since = 0.0  # the loop's time when a head's or a body's wait began
    running: RequestResponseCycle | None = None  # `cycle` is the last one that came

    def connection_made(self, transport: Any) -> None:
        self.since = self.loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.unheard += len(data)
        super().data_received(data)
        if self.unheard > MOST_HEAD and not self.transport.is_closing():
            self.say(head_too_large())

    def on_message_begin(self) -> None:
        self.since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.unheard = 0
        self.since = self.loop.time()
        super().on_headers_complete()
        if health.draining and self.cycle:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.unheard = 0
        self.since = self.loop.time()
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def close_if_late(self, patience: float) -> None:
        """Called now and then, for a timer of each call would cost more than the call's head."""
        if self.loop.time() - self.since < patience or not self._is_awaited():
            return
        if self.headers is None:  # not one byte came: there is nobody to tell
            self.transport.close()
        else:
            self.say(too_slow(patience))

    def _is_awaited(self) -> bool:
        """Is it the client's turn? Between two calls uvicorn's own timer counts."""
        call = self.running
        if call is None or call.response_complete:
            return self.timeout_keep_alive_task is None
        taken = not self.flow.read_paused and not call.waiting_for_100_continue
        return call.more_body and taken and not call.response_started

    def send_400_response(self, msg: str) -> None:
        self.say(InvalidRequest(msg))

    def say(self, error: ApiError) -> None:
        """The last thing on this connection, unless an answer has begun on it."""
        if self.transport.is_closing():
            return
        if self.running is None or self.running.response_complete or self._leave():
            self.transport.write(last_words(error))
        self.transport.close()

    def _leave(self) -> bool:
        """The client has gone, for the call that runs. True when nothing was answered yet."""
        call = self.running
        if call is None or call.response_complete:
            return False
        call.disconnected = True
        call.message_event.set()
        return not call.response_started
