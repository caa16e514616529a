"""One request at one replica: opened, read event by event, and always closed."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import httpx

from inference.engines.base import Delta, GenerationFailed
from inference.engines.remote import refusals
from inference.engines.remote.answer import Answer
from inference.engines.remote.refusals import Fault
from inference.engines.remote.replicas import Replica

LONGEST_LINE: Final = 1024 * 1024
LONGEST_REFUSAL: Final = 64 * 1024
LAST_SECONDS: Final = 0.5
WENT_AWAY: Final = "This model's server went away."
_DATA, _DONE = b"data:", b"[DONE]"


class Stream:
    """`open` waits for the first deltas; then `rest` streams. Both raise Fault."""

    def __init__(self, client: httpx.AsyncClient, replica: Replica, answer: Answer) -> None:
        self.replica = replica
        self._client = client
        self._answer = answer
        self._stack = AsyncExitStack()
        self._batches: AsyncIterator[list[Delta]] | None = None
        self._first: Sequence[Delta] = ()

    async def open(self, path: str, body: dict[str, Any], seconds: float | None) -> None:
        """Moves on when nothing at all is heard within `seconds`, or the replica is down."""
        self.replica.took()
        self._stack.callback(self.replica.left)
        try:
            async with asyncio.timeout(seconds) as patience:
                self.replica.waiting.add(patience)
                try:
                    await self._begin(path, body, patience)
                finally:
                    self.replica.waiting.discard(patience)
        except TimeoutError as error:
            await self.close()
            raise refusals.away() from error
        except BaseException:
            await self.close()
            raise

    async def rest(self) -> AsyncIterator[Sequence[Delta]]:
        yield self._first
        assert self._batches is not None  # noqa: S101 - after `open`
        async for batch in self._batches:
            yield batch

    async def close(self) -> None:
        """Closing a response that has not ended closes its connection: the server then stops."""
        await self._stack.aclose()

    async def _begin(self, path: str, body: dict[str, Any], patience: asyncio.Timeout) -> None:
        asked = self._client.stream("POST", self.replica.url + path, json=body)
        try:
            response = await self._stack.enter_async_context(asked)
            if response.status_code != httpx.codes.OK:
                raise await _refusal(response)
        except httpx.HTTPError as error:
            raise refusals.away() from error
        if not patience.expired():
            patience.reschedule(None)  # it is there; how long it may think is the Run's affair
        self._batches = self._read(response)
        self._first = await anext(self._batches)

    async def _read(self, response: httpx.Response) -> AsyncIterator[list[Delta]]:
        """A batch for everything that has arrived together; the last one ends every choice."""
        arriving = _events(response)
        try:
            async for events in arriving:
                deltas, done = self._taken(events)
                if deltas:
                    yield deltas
                if done:
                    await _exhaust(arriving)
                    return
            yield self._answer.last()  # some servers just hang up when all is said
        except httpx.HTTPError as error:
            raise refusals.away(WENT_AWAY) from error
        except GenerationFailed as error:
            raise refusals.senseless(error) from error

    def _taken(self, events: Sequence[bytes]) -> tuple[list[Delta], bool]:
        deltas: list[Delta] = []
        for event in events:
            if event == _DONE:
                return deltas + self._answer.last(), True
            deltas += self._answer.take(event)
        return deltas, False


async def _refusal(response: httpx.Response) -> Fault:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LONGEST_REFUSAL:
            break
    return refusals.of_status(response.status_code, response.headers.get("retry-after"), body)


async def _exhaust(arriving: AsyncIterator[list[bytes]]) -> None:
    """Only a response read to its end leaves its connection to the next request."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            async for _ in arriving:
                pass


async def _events(response: httpx.Response) -> AsyncIterator[list[bytes]]:
    """The data of server-sent events, as many as came at once. Raises GenerationFailed."""
    rest = b""
    async for part in response.aiter_bytes():
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
