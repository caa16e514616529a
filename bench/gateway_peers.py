"""Our gateway beside others: `python -m bench.gateway_peers [--seconds 3 --rounds 3]`.

One scripted upstream, and in front of it by turns: LiteLLM's proxy, Portkey's gateway, a bare
pass-through, and ours under uvicorn with authentication, limits and money on; beside them ours with
its scripted engine in process. LiteLLM and Portkey are installed into var/bench (or `--peers`).

Rates are complete answers for each second of CPU of a gateway's own processes, which other work on
the machine changes little; what our Postgres takes is told beside them. Waits are medians.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench import http_load, http_site, peers
from bench.peers import Peer

CONCURRENT: Final = 32
FEW: Final = 2
STREAMS: Final = 10
STAGGER: Final = 0.037  # seconds between the first calls of clients that wait
ASK: Final[dict[str, Any]] = {
    "messages": [{"role": "user", "content": "#words=12"}],
    "max_tokens": 64,
    "temperature": 0.7,
}
STREAM: Final = {
    **ASK,
    "messages": [{"role": "user", "content": "#words=64"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
PACED: Final = {**STREAM, "messages": [{"role": "user", "content": "#words=64 #pace=5"}]}
SLOW: Final = {**STREAM, "messages": [{"role": "user", "content": "#words=64 #pace=20"}]}
RATES: Final = {
    "requests": {**ASK, "max_tokens": 12},
    "66-event streams": STREAM,
    "the same, an event every 5 ms": PACED,
}
KINDS: Final = {
    "flush": "8 KB flushed to the disk, of which a settled call waits for one",
    "added": "added to a call that goes straight to the upstream, 2 at once",
    "first token": "to the first token of one of 10 streams, an event every 20 ms",
}
OURS: Final = "Smarter"
INSIDE: Final = "Smarter, in process"
TARGETS: Final = (  # the rate, whose, how many times theirs
    ("requests", "Portkey", 1.1),
    ("requests", "LiteLLM", 9.0),
    ("66-event streams", "Portkey", 1.1),
    ("66-event streams", "LiteLLM", 25.0),
)
MOST_ADDED: Final = 2.0  # ms
MOST_TO_FIRST: Final = 3.0

Figures = dict[tuple[str, str], list[float]]


@dataclass(frozen=True)
class Contender:
    """A gateway, the model that it is asked for, and what keeps its books, if anything does."""

    peer: Peer
    model: str = "scripted"
    database: int | None = None

    @property
    def name(self) -> str:
        return self.peer.name


def measure(folder: Path, rounds: int, seconds: float) -> Figures:
    figures: Figures = {}
    with _contenders(folder) as (direct, contenders):
        for contender in contenders:
            asyncio.run(_check(contender))
        for number in range(rounds + 1):
            long = seconds if number else 1.0  # the first round warms up
            found = list(_rates(contenders, long))
            found += asyncio.run(_waits(direct, contenders, long))
            if number:
                for kind, name, figure in found:
                    figures.setdefault((kind, name), []).append(figure)
    return figures


@contextmanager
def _contenders(folder: Path) -> Iterator[tuple[Contender, list[Contender]]]:
    with ExitStack() as opened:
        model = opened.enter_context(peers.upstream())
        relayed = ("relayed", "--remote", f"http://127.0.0.1:{model.port}/v1")
        inside = ("scripted", "--engine", "scripted:", "--context", "8192")
        ours = opened.enter_context(
            http_site.site("uvicorn", (*relayed, "--context", "8192"), inside)
        )
        peer = Peer(OURS, ours.port, ours.web_process, ours.headers)
        yield (
            Contender(model),
            [
                Contender(opened.enter_context(peers.pass_through(model))),
                Contender(peer, "relayed", ours.database),
                Contender(replace(peer, name=INSIDE), "scripted", ours.database),
                Contender(opened.enter_context(peers.portkey(folder, model))),
                Contender(opened.enter_context(peers.litellm(folder, model))),
            ],
        )


async def _check(contender: Contender) -> None:
    """It answers, and with all that the upstream says."""
    connection = await http_load.Connection.open(contender.peer)
    for call, last in ((RATES["requests"], b"w12"), (STREAM, b"w64")):
        _, body = await connection.ask(_content(contender, call))
        if last not in body:
            raise RuntimeError(f"{contender.name} answered {body[:500]!r}")
    connection.close()


def _rates(contenders: Sequence[Contender], seconds: float) -> Iterator[tuple[str, str, float]]:
    for kind, call in RATES.items():
        for contender in contenders:
            books = _cpu(contender.database)
            asked = {**call, "model": contender.model}
            load = asyncio.run(http_load.run(contender.peer, asked, CONCURRENT, seconds))
            if load.wrong:
                raise RuntimeError(f"{contender.name} answered {load.wrong[0][:500]!r}")
            yield kind, contender.name, load.per_core
            if contender.database is not None:
                all_cpu = load.cpu_seconds + _cpu(contender.database) - books
                yield f"{kind}, with Postgres", contender.name, load.answers / all_cpu


def _cpu(process: int | None) -> float:
    return 0.0 if process is None else http_site.cpu_seconds(process)


async def _waits(
    direct: Contender, contenders: Sequence[Contender], seconds: float
) -> list[tuple[str, str, float]]:
    """Milliseconds: what a call takes longer than straight to the upstream, and a first token."""
    found = [("flush", "the disk itself", _flush())]
    plain = await _median(direct, RATES["requests"], FEW, seconds / 2)
    found.append(("first token", "straight", await _median(direct, SLOW, STREAMS, seconds)))
    for contender in contenders:
        whole = await _median(contender, RATES["requests"], FEW, seconds / 2)
        found.append(("added", contender.name, whole - plain))
        if contender.name != INSIDE:  # its engine paces the first token, too
            first = await _median(contender, SLOW, STREAMS, seconds)
            found.append(("first token", contender.name, first))
    return found


def _flush() -> float:
    """Milliseconds to have 8 KB on the disk, as every settled call has to be."""
    waits = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            start = time.perf_counter()
            file.write(bytes(8192))
            file.flush()
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - start)
    return 1000 * statistics.median(waits)


async def _median(
    contender: Contender, call: dict[str, Any], clients: int, seconds: float
) -> float:
    """Milliseconds until the answer, or until the first token of one that streams."""
    waits: list[float] = []
    end = time.monotonic() + seconds
    content = _content(contender, call)

    async def client(number: int) -> None:
        connection = await http_load.Connection.open(contender.peer)
        await asyncio.sleep(number * STAGGER)
        while time.monotonic() < end:
            waits.append(await connection.first_word(content))
        connection.close()

    await asyncio.gather(*map(client, range(clients)))
    return 1000 * statistics.median(waits)


def _content(contender: Contender, call: dict[str, Any]) -> bytes:
    asked = {**call, "model": contender.model}
    return http_load.request(contender.peer, http_load.CHAT, asked)


def report(figures: Figures) -> Iterator[str]:
    middle = {which: statistics.median(values) for which, values in figures.items()}
    names = list(dict.fromkeys(name for _, name in figures))
    yield "Complete answers for each second of the gateway's CPU (lowest to highest round):"
    for kind in dict.fromkeys(kind for kind, _ in figures):
        if kind == "flush":
            yield "Milliseconds:"
        yield f"  {KINDS.get(kind, kind)}"
        for name in names:
            if values := figures.get((kind, name)):
                spread = f"({min(values):.4g} to {max(values):.4g})"
                yield f"    {name:<24}{middle[kind, name]:8.4g}  {spread}"
    yield from _verdicts(middle)


def _verdicts(middle: dict[tuple[str, str], float]) -> Iterator[str]:
    for kind, name, target in TARGETS:
        ratio = middle[kind, OURS] / middle[kind, name]
        verdict = "reached" if ratio >= target else "MISSED"
        yield f"{kind}: {ratio:.2f} x {name}, target {target} {verdict}"
    for kind, most in (("added", MOST_ADDED), ("first token", MOST_TO_FIRST)):
        wait = middle[kind, OURS]
        verdict = "reached" if wait <= most else "MISSED"
        yield f"{KINDS[kind]}: {wait:.2f} ms, target at most {most} {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--peers", type=Path, default=Path("var/bench"))
    options = parser.parse_args()
    peers.install(options.peers)
    print("\n".join(report(measure(options.peers, options.rounds, options.seconds))))


if __name__ == "__main__":
    main()
