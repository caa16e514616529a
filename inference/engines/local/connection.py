"""One gateway's connection to the engine: reads its wishes, writes one frame a step."""

import asyncio
import hmac
import logging
import os
import time
from array import array
from collections.abc import Callable, Coroutine
from dataclasses import astuple, dataclass
from typing import Any, Protocol, cast

from inference.engines.base import (
    Delta,
    EngineError,
    EngineInfo,
    EngineUnavailable,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    joined,
)
from inference.engines.local import frames
from inference.engines.local.embedding.desk import TextDesk
from inference.engines.local.frames import EngineHealth
from inference.engines.local.sequences import Echo, PreparedPrompt, Submission
from inference.engines.local.streams import Stream

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
MAX_GREETING = 1024
MANY_LOGPROBS = 1000  # as of echoed prompts: they begin another frame, for each has a limit


class Host(Protocol):
    """What a connection needs of the engine."""

    info: EngineInfo
    texts: TextDesk
    secret: str | None
    connections: "set[Connection]"

    async def prepare(self, request: GenerationRequest, wish: bytes) -> PreparedPrompt: ...
    def stream(
        self, id_: int, reader: "Connection", submission: Submission, request: GenerationRequest
    ) -> Stream: ...
    def submit(self, submission: Submission) -> None: ...
    def cancel(self, submission: Submission) -> None: ...
    def health(self) -> EngineHealth: ...


@dataclass(frozen=True, slots=True)
class _Prepared:
    request: GenerationRequest
    prompt: PreparedPrompt
    until: float


class Connection(asyncio.Protocol):
    """Deltas wait in the outbox, merged by choice, while the other side reads too slowly. An echo
    is never merged with what follows it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._reader = frames.FrameReader()
        self._reader.limit = MAX_GREETING
        self._nonce = os.urandom(16)
        self._greeted = False
        self._prepared: dict[int, _Prepared] = {}
        self._streams: dict[int, Stream] = {}
        self._outbox: dict[tuple[int, int, bool], Delta] = {}
        self._full = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: dict[int, asyncio.Task[None]] = {}
        self._transport: asyncio.Transport
        self._verbs: dict[int, Callable[..., None]] = {
            frames.PREPARE: self._prepare,
            frames.GENERATE: self._generate,
            frames.CANCEL: self._cancel,
            frames.TOKENISE: self._tokenise,
            frames.READ: self._read,
            frames.HEALTH: lambda id_: self._answer(id_, self._host.health()),
            frames.INFO: lambda id_: self._answer(id_, self._host.info),
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._host.connections.add(self)
        self._write([frames.HELLO, self._nonce])

    def connection_lost(self, exc: Exception | None) -> None:
        self._host.connections.discard(self)
        for id_ in list(self._streams):
            self._cancel(id_)
        for task in self._reading.values():
            task.cancel()
        self._prepared.clear()

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._obey(frame)
        except (frames.BrokenFrame, LookupError, TypeError, ValueError) as error:
            log.warning("a connection is closed: %r", error)
            self.close()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self.flush()

    def close(self) -> None:
        self._transport.close()  # what is written already still goes out

    def add(self, stream: Stream, delta: Delta) -> None:
        key = (stream.id, delta.index, delta.completion_tokens > 0)
        earlier = self._outbox.get(key)
        self._outbox[key] = joined(earlier, delta) if earlier else delta
        if stream.finished:
            self._forget(stream.id)

    def fail(self, stream: Stream, error: EngineError) -> None:
        self.flush()
        self._close_stream(stream.id)
        self._refuse(stream.id, error)

    def flush(self) -> None:
        if not self._outbox or self._full:
            return
        deltas, logprobs = [], 0
        for (stream, *_), delta in self._outbox.items():
            deltas.append(frames.from_delta(stream, delta))
            logprobs += len(delta.logprobs)
            if logprobs > MANY_LOGPROBS:
                self._write([frames.DELTAS, deltas])
                deltas, logprobs = [], 0
        self._outbox.clear()
        if deltas:
            self._write([frames.DELTAS, deltas])

    def forget_expired(self, now: float) -> None:
        for id_ in [id_ for id_, kept in self._prepared.items() if kept.until < now]:
            del self._prepared[id_]

    def _obey(self, frame: list[Any]) -> None:
        verb, *rest = frame
        if self._greeted:
            self._verbs[verb](*rest)
        elif verb == frames.HELLO:
            self._greet(*rest)
        else:
            raise frames.BrokenFrame("The first frame is no greeting.")

    def _greet(self, answer: bytes) -> None:
        if self._host.secret is not None and not hmac.compare_digest(
            answer, frames.proof(self._host.secret, self._nonce)
        ):
            self._refuse(0, EngineUnavailable("The engine does not accept this secret."))
            self.close()
            return
        self._greeted = True
        self._reader.limit = frames.MAX_FRAME

    def _prepare(self, id_: int, content: list[Any], wish: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._prepare_soon(id_, content, wish))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare_soon(self, id_: int, content: list[Any], wish: bytes) -> None:
        try:
            request = frames.to_request(content)
            prompt = await self._host.prepare(request, wish)
        except EngineError as error:
            self._refuse(id_, error)
            return
        except (LookupError, TypeError, ValueError) as error:
            self._refuse(id_, InvalidGeneration(f"The request is malformed: {error}"))
            return
        if not self._transport.is_closing():
            self._prepared[id_] = _Prepared(request, prompt, time.monotonic() + KEPT_SECONDS)
            count = len(prompt.tokens)
            room = self._host.info.context_window - count
            self._write([frames.PREPARED, id_, count, room])

    def _tokenise(self, id_: int, texts: list[str | bytes]) -> None:
        self._begin_reading(id_, self._tokens_of(frames.to_texts(texts)))

    async def _tokens_of(self, texts: "list[str | array[int]]") -> list[object]:
        rows = await self._host.texts.tokenise(texts)
        return [frames.from_texts(rows), self._host.texts.width]

    def _read(self, id_: int, texts: list[bytes], tenant: str) -> None:
        self._begin_reading(id_, self._numbers_of([array("i", each) for each in texts], tenant))

    async def _numbers_of(self, rows: "list[array[int]]", tenant: str) -> list[object]:
        texts = self._host.texts
        return [await texts.read(rows, tenant), texts.width, texts.labels]

    def _begin_reading(self, id_: int, work: Coroutine[None, None, list[object]]) -> None:
        self._reading[id_] = asyncio.get_running_loop().create_task(self._read_soon(id_, work))

    async def _read_soon(self, id_: int, work: Coroutine[None, None, list[object]]) -> None:
        try:
            fields = await work
            if not self._transport.is_closing():
                self._write([frames.ANSWER, id_, fields])
        except EngineError as error:
            self._refuse(id_, error)
        finally:
            self._reading.pop(id_, None)

    def _generate(self, id_: int, max_tokens: int) -> None:
        try:
            kept = self._prepared.pop(id_, None)
            if kept is None:
                raise GenerationFailed("The prepared request is gone. Prepare it again.")
            self._start(id_, kept, max_tokens)
        except EngineError as error:
            self._refuse(id_, error)

    def _start(self, id_: int, kept: _Prepared, max_tokens: int) -> None:
        request, prompt = kept.request, kept.prompt
        room = self._host.info.context_window - len(prompt.tokens)
        least = 0 if request.echo else 1
        if not least <= max_tokens <= room:
            raise InvalidGeneration(f"max_tokens must be {least} to {room} here.", "max_tokens")
        submission = Submission(
            prompt.tokens,
            request.sampling,
            max_tokens,
            tenant=request.tenant,
            priority=request.priority,
            grammar=prompt.grammar,
            echo=_echo(request),
            adapter=prompt.adapter,
        )
        if request.deadline is not None:
            submission.deadline = time.monotonic() + request.deadline
        stream = self._host.stream(id_, self, submission, request)
        self._host.submit(submission)
        self._streams[id_] = stream

    def _cancel(self, id_: int) -> None:
        self._prepared.pop(id_, None)
        if task := self._reading.get(id_):
            task.cancel()
        if stream := self._close_stream(id_):
            self._host.cancel(stream.submission)

    def _close_stream(self, id_: int) -> Stream | None:
        """Nothing more is said of it, whatever the loop still makes."""
        stream = self._forget(id_)
        if stream:
            stream.choices.clear()
            for key in [key for key in self._outbox if key[0] == id_]:
                del self._outbox[key]
        return stream

    def _forget(self, id_: int) -> Stream | None:
        """Its submission lets go of it: as a circle they would keep the process of their grammar
        until somebody looks for garbage."""
        stream = self._streams.pop(id_, None)
        if stream:
            stream.submission.owner = None
        return stream

    def _answer(self, id_: int, fields: EngineHealth | EngineInfo) -> None:
        self._write([frames.ANSWER, id_, astuple(fields)])

    def _refuse(self, id_: int, error: EngineError) -> None:
        self._write([frames.ERROR, id_, *frames.from_error(error)])

    def _write(self, content: object) -> None:
        self._transport.write(frames.pack(content))


def _echo(request: GenerationRequest) -> Echo | None:
    if not request.echo:
        return None
    return Echo(request.prompt if isinstance(request.prompt, str) else None)
