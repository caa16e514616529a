"""The gateway's side of the engine process: one connection an event loop, renewed if it ends."""

import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from inference.engines.base import (
    Classified,
    Delta,
    Embedded,
    EngineError,
    EngineInfo,
    EngineUnavailable,
    GenerationRequest,
    InvalidGeneration,
    Prepared,
    Text,
    Tokenised,
)
from inference.engines.local import frames, grammar_wishes, reading, sockets
from inference.engines.local.acquaintance import Acquaintance
from inference.engines.local.frames import EngineHealth
from inference.engines.local.reader_stream import ReaderStream

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0


class LocalEngine:
    """`address` is `unix:PATH` or `tcp:HOST:PORT`; over tcp both sides share a secret.

    Works from any number of event loops, a connection for each.
    """

    def __init__(self, address: str, *, secret: str | None = None) -> None:
        self.address = address
        self._secret = secret
        self._acquaintance = Acquaintance(address)
        self._links: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Link]
        self._links = weakref.WeakKeyDictionary()

    async def prepare(self, request: GenerationRequest) -> Prepared:
        connection = await self._connection()
        try:
            wish = grammar_wishes.wish_of(request)
            content = frames.from_request(replace(request, response_format=None))
            id_, (count, room) = await connection.ask(frames.PREPARE, content, wish)
        except (OverflowError, UnicodeEncodeError) as error:
            # msgpack takes whole Unicode and 64-bit numbers, and so does the engine.
            raise InvalidGeneration(f"The request cannot be sent: {error}") from error
        return _Handle(request, count, room, connection, id_)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        handle = cast("_Handle", prepared)
        stream = handle.connection.open(handle.id, prepared.request.sampling.n, max_tokens)
        try:
            while not stream.finished:
                yield await stream.take()
        finally:
            handle.connection.leave(handle.id, stream)

    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        return await reading.tokenise(await self._connection(), texts)

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        return await reading.embed(await self._connection(), texts, tenant)

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        return await reading.classify(await self._connection(), texts, tenant)

    async def info(self) -> EngineInfo:
        _, fields = await (await self._connection()).ask(frames.INFO)
        return EngineInfo(*fields)

    async def health(self) -> EngineHealth:
        _, fields = await (await self._connection()).ask(frames.HEALTH)
        return EngineHealth(*fields)

    async def close(self) -> None:
        if link := self._links.pop(asyncio.get_running_loop(), None):
            link.close()

    async def _connection(self) -> "_Connection":
        link = _Link(self.address, self._secret, self._acquaintance)
        return await self._links.setdefault(asyncio.get_running_loop(), link).connection()


class _Link:
    """Connects when needed. After a failure the next try waits, and until then all fail at once."""

    def __init__(self, address: str, secret: str | None, acquaintance: Acquaintance) -> None:
        self._acquaintance = acquaintance
        self._address = address
        self._secret = secret
        self._connecting = asyncio.Lock()
        self._connection: _Connection | None = None
        self._pause = FIRST_PAUSE
        self._next_try = 0.0
        self._refusal = ""

    async def connection(self) -> "_Connection":
        """Raises EngineUnavailable."""
        if self._connection is not None and self._connection.usable:
            return self._connection
        async with self._connecting:
            if self._connection is None or not self._connection.usable:
                self._connection = await self._connect()
            return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    async def _connect(self) -> "_Connection":
        if time.monotonic() < self._next_try:
            raise EngineUnavailable(self._refusal)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await sockets.connect(
                    self._address, lambda: _Connection(self._secret or "")
                )
                with contextlib.ExitStack() as undone:
                    undone.callback(connection.close)  # it does not greet: nothing stays open
                    await connection.greeted
                    _, told = await connection.ask(frames.INFO)
                    self._acquaintance.meet(EngineInfo(*told))
                    undone.pop_all()
        except (OSError, EngineUnavailable, sockets.BadAddress) as error:
            # asyncio's TimeoutError is an OSError
            self._next_try = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            down = isinstance(error, OSError)
            self._refusal = "This model's engine is not running." if down else str(error)
            raise EngineUnavailable(self._refusal) from error
        self._pause = FIRST_PAUSE
        return connection


class _Connection(asyncio.Protocol):
    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._reader = frames.FrameReader()
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, ReaderStream] = {}
        self._transport: asyncio.Transport | None = None
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._hear(frame)
        except (frames.BrokenFrame, LookupError, TypeError, ValueError):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        error = EngineUnavailable("This model's engine went away.")
        if not self.greeted.done():
            self.greeted.set_exception(error)
        for future in self._asked.values():
            if not future.done():
                future.set_exception(error)
        for stream in self._streams.values():
            stream.fail(error)
        self._asked.clear()
        self._streams.clear()

    async def ask(
        self, verb: int, *content: object, seconds: float | None = ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """The question's id and its answer's fields."""
        self._last_id += 1
        id_ = self._last_id
        self._write([verb, id_, *content])
        self._asked[id_] = future = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                return id_, await future
        except TimeoutError as error:
            raise EngineUnavailable("This model's engine does not answer.") from error
        finally:
            if self._asked.pop(id_, None) and not (future.done() and not future.cancelled()):
                self.forget(id_)

    def open(self, id_: int, choices: int, max_tokens: int) -> ReaderStream:
        self._write([frames.GENERATE, id_, max_tokens])
        self._streams[id_] = stream = ReaderStream(choices)
        return stream

    def leave(self, id_: int, stream: ReaderStream) -> None:
        self._streams.pop(id_, None)
        if not stream.complete:
            self.forget(id_)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def forget(self, id_: int) -> None:
        if self.usable:
            self._write([frames.CANCEL, id_])

    def _hear(self, frame: list[Any]) -> None:
        verb, *rest = frame
        if verb == frames.DELTAS:
            for content in rest[0]:
                if stream := self._streams.get(content[0]):
                    stream.add(frames.to_delta(content))
        elif verb == frames.PREPARED:
            self._settle(rest[0], rest[1:])
        elif verb == frames.ANSWER:
            self._settle(rest[0], rest[1])
        elif verb == frames.ERROR:
            self._fail(rest[0], frames.to_error(*rest[1:]))
        elif verb == frames.HELLO:
            self._write([frames.HELLO, frames.proof(self._secret, rest[0])])
            self.greeted.set_result(None)

    def _settle(self, id_: int, fields: object) -> None:
        future = self._asked.pop(id_, None)
        if future is not None and not future.done():
            future.set_result(fields)

    def _fail(self, id_: int, error: EngineError) -> None:
        future = self._asked.pop(id_, None)
        if future is not None and not future.done():
            future.set_exception(error)
        elif stream := self._streams.pop(id_, None):
            stream.fail(error)

    def _write(self, content: object) -> None:
        if self._transport is None or self._transport.is_closing():
            raise EngineUnavailable("This model's engine went away.")
        self._transport.write(frames.pack(content))


@dataclass(frozen=True, slots=True)
class _Handle(Prepared):
    """Where the engine keeps the tokens. They live as long as the connection, at most a minute."""

    connection: _Connection
    id: int

    def drop(self) -> None:
        self.connection.forget(self.id)
