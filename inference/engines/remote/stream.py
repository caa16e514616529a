"""One request at one replica: opened, read event by event, and always closed."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from inference.engines.base import Delta, GenerationFailed
from inference.engines.remote import asking, refusals
from inference.engines.remote.answer import Answer
from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections, Response
from inference.engines.replicas import Fault, Replica

LONGEST_LINE: Final = 1024 * 1024
LONGEST_REFUSAL: Final = 64 * 1024
LAST_SECONDS: Final = 0.5
WENT_AWAY: Final = "This model's server went away."
_DATA, _DONE = b"data:", b"[DONE]"


class Stream:
    """`open` waits for the first deltas; then `rest` streams. Both raise Fault."""

    def __init__(self, connections: Connections, replica: Replica, answer: Answer) -> None:
        self.replica = replica
        self._connections = connections
        self._answer = answer
        self._response: Response | None = None
        self._batches: AsyncIterator[list[Delta]] | None = None
        self._first: Sequence[Delta] = ()
        self._closed = False

    async def open(self, path: str, body: dict[str, Any], seconds: float | None) -> None:
        """Moves on when nothing at all is heard within `seconds`, or the replica is down."""
        self.replica.took()
        try:
            async with self.replica.patience(seconds) as patience:
                await self._begin(path, body, patience)
        except TimeoutError as error:
            self.close()
            raise refusals.away() from error
        except BaseException:
            self.close()
            raise

    async def rest(self) -> AsyncIterator[Sequence[Delta]]:
        yield self._first
        assert self._batches is not None  # noqa: S101 - after `open`
        async for batch in self._batches:
            yield batch

    def close(self) -> None:
        """Closing a response that has not ended closes its connection: the server then stops."""
        if not self._closed:
            self._closed = True
            self.replica.left()
            if self._response is not None:
                self._response.close()

    async def _begin(self, path: str, body: dict[str, Any], patience: asyncio.Timeout) -> None:
        url, content = self.replica.address + path, asking.encoded(body)
        try:
            self._response = response = await self._connections.asked("POST", url, content)
            if response.status != HTTPStatus.OK:
                raise await _refusal(response)
        except Broken as error:
            raise refusals.away() from error
        if not patience.expired():
            patience.reschedule(None)  # it is there; how long it may think is the Run's affair
        self._batches = self._read(response)
        self._first = await anext(self._batches)

    async def _read(self, response: Response) -> AsyncIterator[list[Delta]]:
        """A batch for everything that has arrived together; the last one ends every choice."""
        try:
            async for events in _events(response):
                self.replica.spoke()
                deltas: list[Delta] = []
                try:
                    done = self._take(events, deltas)
                except GenerationFailed:
                    if deltas:
                        yield deltas  # was said before it failed
                    raise
                if deltas:
                    yield deltas
                if done:
                    await _exhaust(response)
                    return
            yield self._answer.last()  # some servers just hang up when all is said
        except Broken as error:
            raise refusals.away(WENT_AWAY) from error
        except GenerationFailed as error:
            raise refusals.senseless(error) from error

    def _take(self, events: Sequence[bytes], deltas: list[Delta]) -> bool:
        """Adds to `deltas`; True when that was all. Raises GenerationFailed."""
        for event in events:
            if event == _DONE:
                deltas += self._answer.last()
                return True
            deltas += self._answer.take(event)
        return False


async def _refusal(response: Response) -> Fault:
    body = await response.content(LONGEST_REFUSAL)
    return refusals.of_status(response.status, response.headers.get("retry-after"), body)


async def _exhaust(response: Response) -> None:
    """Only a response read to its end leaves its connection to the next request."""
    if response.ended:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            async for _ in response.parts():
                pass


async def _events(response: Response) -> AsyncIterator[list[bytes]]:
    """The data of server-sent events, as many as came at once. Raises GenerationFailed."""
    rest = b""
    async for part in response.parts():
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise GenerationFailed("The model's server sent an event that is too long.")
        yield list(_data(lines))
    if rest:
        yield list(_data([rest]))


def _data(lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line.startswith(_DATA) and (data := line[len(_DATA) :].strip()):
            yield data
