"""A scripted OpenAI-compatible server: it says what a test wants, with any fault, and remembers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from inference.engines.base import Delta, GenerationRequest, Message, Prepared, SamplingParams
from inference.engines.remote import RemoteAddress, RemoteEngine
from tests.patience import PATIENCE

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


@dataclass
class Call:
    """One request as it came; `left` is set when its client hangs up."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: int
    writer: asyncio.StreamWriter
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def gone(self, reading: "asyncio.Task[bytes]") -> None:
        if not reading.cancelled():
            self.left.set()

    async def begin(self) -> None:
        self.writer.write(HEAD)

    async def event(self, content: object) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await self.raw(b"data: " + data + b"\n\n")

    async def raw(self, data: bytes) -> None:
        self.writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self.writer.drain()

    async def end(self) -> None:
        await self.event(b"[DONE]")
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def cut(self) -> None:
        self.writer.transport.abort()

    async def answer(self, status: int, body: object, **headers: str) -> None:
        content = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await self.writer.drain()


Script = Callable[[Call], Awaitable[None]]


def said(text: str, index: int = 0, **more: object) -> dict[str, Any]:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": None, **more}
    return {"choices": [choice]}


def finished(reason: str = "stop", index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


async def two_words(call: Call) -> None:
    """What a sound server says."""
    await call.begin()
    await call.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
    await call.event(said("Hello"))
    await call.event(said(" you"))
    await call.event(finished())
    await call.event({"choices": [], "usage": USAGE})
    await call.end()


async def fails(call: Call) -> None:
    await call.answer(500, {"error": {"message": "Traceback: /opt/app.py"}})


async def bad_gateway(call: Call) -> None:
    await call.answer(502, "oops")


async def refuses_to_speak(call: Call) -> None:
    await call.cut()


async def full(call: Call) -> None:
    await call.answer(429, {"error": {"message": "slow down"}}, retry_after="7")


async def no_key(call: Call) -> None:
    await call.answer(401, {"error": {"message": "bad key sk-123"}})


async def no_json(call: Call) -> None:
    await call.begin()
    await call.event(b'{"choices": [')


class Upstream:
    """`script` answers the calls that generate, `health` is the status of GET /v1/models, `engine`
    of GET /health, where None is silence."""

    def __init__(self, script: Script = two_words) -> None:
        self.script = script
        self.health = 200
        self.engine: int | None = 404
        self.calls: list[Call] = []
        self.connections = 0
        self.url = ""
        self.open: list[asyncio.Task[None]] = []
        self._heard = asyncio.Event()

    @property
    def generations(self) -> list[Call]:
        return [call for call in self.calls if call.method == "POST"]

    async def asked(self, times: int) -> None:
        """Wait until so many calls that generate have come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.generations) < times:
                self._heard.clear()
                await self._heard.wait()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while call := await _read(reader, writer, number):
                self.calls.append(call)
                self._heard.set()
                if call.method == "GET":
                    status = self.engine if call.path == "/health" else self.health
                    await (call.answer(status, {"data": []}) if status else asyncio.sleep(3600))
                    continue
                if not await self._answered(call, reader):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answered(self, call: Call, reader: asyncio.StreamReader) -> bool:
        """Until the script has ended, or the client has hung up."""
        gone = asyncio.create_task(reader.read(1))
        gone.add_done_callback(call.gone)
        working = asyncio.ensure_future(self.script(call))
        try:
            await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
            hung_up = gone.done()
        finally:
            gone.cancel()
            working.cancel()
            await asyncio.gather(gone, working, return_exceptions=True)
        if not hung_up:
            await working
        return not hung_up


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
) -> Call | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, path, headers, json.loads(body) if body else None, number, writer)


@asynccontextmanager
async def upstream(script: Script = two_words) -> AsyncIterator[Upstream]:
    made = Upstream(script)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0, limit=2**24)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()
        for task in made.open:
            task.cancel()
        await asyncio.gather(*made.open, return_exceptions=True)


@asynccontextmanager
async def engine(
    *upstreams: Upstream, options: str = "", window: int = 1000
) -> AsyncIterator[RemoteEngine]:
    words = " ".join([*(one.url for one in upstreams), options])
    made = RemoteEngine(RemoteAddress.read(words), window)
    try:
        yield made
    finally:
        await made.close()


def request(text: str = "Hi there", **sampling: Any) -> GenerationRequest:
    return GenerationRequest(
        "gen_1", "m", SamplingParams(**sampling), messages=(Message("user", text),)
    )


async def read(remote: RemoteEngine, prepared: Prepared, heard: list[Delta]) -> None:
    """The whole answer, as far as it comes."""
    async with asyncio.timeout(PATIENCE):
        async for batch in remote.generate(prepared, 50):
            heard += batch


async def generated(
    remote: RemoteEngine, asked: GenerationRequest | None = None, most: int = 50
) -> list[Delta]:
    prepared = await remote.prepare(asked or request())
    async with asyncio.timeout(PATIENCE):
        return [delta async for batch in remote.generate(prepared, most) for delta in batch]


def text(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)
