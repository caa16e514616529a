"""A model's server that costs next to nothing: `python -m bench.scripted_upstream PORT`.

It answers every chat with the same 64 words (12 where the call asks for no more), whole or as
server-sent events with role, finish and usage; `#pace=5` in the prompt puts 5 ms between them.
"""

import asyncio
import json
import re
import sys
from functools import cache
from typing import Any, Final

WORDS: Final = 64
HEADERS: Final = b"HTTP/1.1 200 OK\r\ncontent-type: "
STREAM: Final = HEADERS + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ID: Final = {"id": "chatcmpl-1", "created": 1750000000, "model": "scripted"}


async def serve(port: int) -> None:
    server = await asyncio.start_server(_answer_all, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


async def _answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            await _answer(writer, await reader.readexactly(int(length[1]) if length else 0))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _answer(writer: asyncio.StreamWriter, body: bytes) -> None:
    asked = json.loads(body) if body else {}
    words = min(WORDS, asked.get("max_tokens") or WORDS)
    if not asked.get("stream"):
        writer.write(_whole(words))
        return
    events = _events(words, bool((asked.get("stream_options") or {}).get("include_usage")))
    if pace := re.search(rb"#pace=(\d+)", body):
        writer.write(STREAM)
        writer.write(events[0])
        for event in events[1:-1]:
            writer.write(event)
            await asyncio.sleep(int(pace[1]) / 1000)
        writer.write(events[-1])
    else:
        writer.write(STREAM + b"".join(events))


@cache
def _events(words: int, with_usage: bool) -> list[bytes]:
    """As chunks of HTTP, one an event."""
    told = [_said({"role": "assistant", "content": ""})]
    told += [_said({"content": word}) for word in _text(words)]
    told.append(_said({}, "stop"))
    if with_usage:
        told.append({**ID, "object": "chat.completion.chunk", "choices": [], "usage": _use(words)})
    events = [b"data: %s\n\n" % _json(one) for one in told] + [b"data: [DONE]\n\n"]
    chunks = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    return [*chunks[:-1], chunks[-1] + b"0\r\n\r\n"]


@cache
def _whole(words: int) -> bytes:
    message = {"role": "assistant", "content": "".join(_text(words))}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    told = {**ID, "object": "chat.completion", "choices": [choice], "usage": _use(words)}
    body = _json(told)
    return HEADERS + b"application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def _said(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**ID, "object": "chat.completion.chunk", "choices": [choice]}


def _use(words: int) -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": words, "total_tokens": 20 + words}


def _text(words: int) -> list[str]:
    return ["w1"] + [f" w{number}" for number in range(2, words + 1)]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
