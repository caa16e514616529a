"""Chat sockets: memory of idle ones, and a token's way to one: `python -m bench.sockets`.

Both figures are of one web process. A token carries the moment at which the (scripted) engine made
it, and is read by a client in another process on the same clock: what lies between is the Run, the
event log, the socket and the kernel. Tokens come slower than the batching window, so that none
waits for another.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.http_site import Site, site

SERVERS = ("daphne", "uvicorn")
SCRIPTED = ("scripted", "--engine", "scripted:", "--context", "8192")
STREAMS = 32
PACE_MS = 40
WORDS = 100
BEGINNING = 5  # tokens of each stream, while the others still begin
TARGET_MS = 3.0
TOKEN = re.compile(rb'"delta":"(\d+) "')
ORIGIN = "https://bench.example"
END = {"response.completed", "response.incomplete", "response.failed"}
UNLIMITED = {
    "CHAT_SOCKETS_PER_ADDRESS": "100000",
    "CHAT_SOCKETS_PER_CHATBOT": "100000",
}


def chatbot(one: Site) -> str:
    """Publish one; its key."""
    configuration = {
        "model": "scripted",
        "allowed_origins": [ORIGIN],
        "limits": {"messages": 10_000, "address_messages": 100_000},
    }
    headers = {"Authorization": f"Bearer {one.api_key}"}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{one.port}/v1", headers=headers, timeout=60
    ) as http:
        call = {"name": "bench", "configuration": configuration}
        made = http.post("/chatbots", json=call)
        made.raise_for_status()
        http.post("/chatbots/bench/versions", json={"note": "bench"}).raise_for_status()
    key: str = made.json()["publishable_key"]
    return key


class Clocked(ClientConnection):
    """Notes how long each token took, in milliseconds, when the kernel brings it: what a client in
    Python then does with 32 streams of frames is no work of the server's."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.delays: list[float] = []

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self.delays += [(now - int(made)) / 1e6 for made in TOKEN.findall(data)]
        self.loop.call_soon(super().data_received, data)


async def opened(one: Site, key: str) -> Clocked:
    wire = await connect(
        f"ws://127.0.0.1:{one.port}/ws/chatbots/bench/",
        subprotocols=[Subprotocol("chat.v1")],
        origin=ORIGIN,  # type: ignore[arg-type]  # a text
        compression=None,
        open_timeout=60,
        create_connection=Clocked,
    )
    if not isinstance(wire, Clocked):
        raise TypeError(wire)
    await wire.send(json.dumps({"type": "session.update", "session": {"key": key}}))
    first = json.loads(await wire.recv())
    if first["type"] != "session.created":
        raise RuntimeError(f"no session: {first}")
    return wire


async def idle(one: Site, key: str, sockets: int) -> float:
    """Bytes of the web process for each of so many idle sockets."""
    warm = [await opened(one, key) for _ in range(50)]
    before = _memory(one)
    wires = [await opened(one, key) for _ in range(sockets)]
    await asyncio.sleep(2)
    each = (_memory(one) - before) / sockets
    await asyncio.gather(*(wire.close() for wire in (*warm, *wires)))
    return each


async def added(one: Site, key: str) -> tuple[list[float], float]:
    """Milliseconds from a token's making to its frame's arrival, of all of STREAMS at once; and
    microseconds of the web process's CPU a token, in which its whole answer is."""
    wires = [await opened(one, key) for _ in range(STREAMS)]
    before = one.cpu_seconds()
    try:
        await asyncio.gather(*(_stream(wire) for wire in wires))
        used = one.cpu_seconds() - before
    finally:
        await asyncio.gather(*(wire.close() for wire in wires))
    delays = sorted(delay for wire in wires for delay in wire.delays[BEGINNING:])
    return delays, used / (STREAMS * WORDS) * 1e6


async def _stream(wire: Clocked) -> None:
    ask = {"event_id": "bench", "input": f"#words={WORDS} #pace={PACE_MS}"}
    await wire.send(json.dumps({"type": "response.create", **ask}))
    while (frame := json.loads(await wire.recv()))["type"] not in END:
        if frame["type"] == "error":
            raise RuntimeError(f"no answer: {frame}")


def measure(server: str, sockets: int) -> Sequence[str]:
    with site(server, SCRIPTED, program=(sys.executable, "-m", "bench.sockets", "serve")) as one:
        key = chatbot(one)
        each = asyncio.run(idle(one, key, sockets))
        delays, cpu = asyncio.run(added(one, key))
    p50, p99 = statistics.median(delays), delays[int(len(delays) * 0.99)]
    verdict = "reached" if p50 <= TARGET_MS else "MISSED"
    return (
        f"  {server:<8} {sockets:,} idle sockets: {each / 1024:.1f} KB each",
        f"  {server:<8} token to frame at {STREAMS} streams: p50 {p50:.2f} ms, p99 {p99:.1f} ms,"
        f" {cpu:.0f} µs of CPU a token"
        f"  target {TARGET_MS:.0f} ms {verdict}",
    )


def serve(arguments: Sequence[str]) -> None:
    """The web process, with an engine whose words are the moments at which they were made."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "platform"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415 - the path is complete only now

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - as above

    from inference.engines.scripted import ScriptedEngine  # noqa: PLC0415 - as above

    generate = ScriptedEngine.generate

    async def stamped(self: Any, prepared: Any, max_tokens: int) -> AsyncIterator[Any]:
        async for deltas in generate(self, prepared, max_tokens):
            yield [replace(delta, text=f"{time.monotonic_ns()} ") for delta in deltas]

    ScriptedEngine.generate = stamped  # type: ignore[method-assign]  # that is the point
    call_command("serve", *arguments)


def _memory(one: Site) -> int:
    """Resident bytes of the web process."""
    pages = int(Path(f"/proc/{one.web_process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=2000)
    options = parser.parse_args()
    os.environ.update(UNLIMITED)  # of the sites that are started now
    print("Chat sockets on one web process:")
    for server in SERVERS:
        print("\n".join(measure(server, options.sockets)), flush=True)


if __name__ == "__main__":
    main()
