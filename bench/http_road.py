"""How much of an engine's speed arrives over HTTP: `python -m bench.http_road`.

The same 128 calls, 32 at a time, prompts and answers of 16 to 128 tokens: once straight to the
engine process, once as server-sent events through authentication, limits and money.
"""

import argparse
import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import http_load
from bench.engine_model import CONTEXT, make_folder
from bench.http_site import MANAGE, Site, site
from inference.engines.base import GenerationRequest, SamplingParams
from inference.engines.local.client import LocalEngine

SERVERS = ("daphne", "uvicorn")
MODEL = "bench-road"
END = 1  # the model's end-of-text token: never, so that every answer has its full length
CALLS, CONCURRENT = 128, 32
TARGET = 0.7


@dataclass(frozen=True)
class Job:
    prompt: tuple[int, ...]
    output: int


def measure(rounds: int, calls: int = CALLS) -> dict[str, float]:
    """Tokens per second over HTTP divided by the engine's own, medians of interleaved rounds."""
    jobs = _jobs(calls)
    ratios: dict[str, list[float]] = {server: [] for server in SERVERS}
    with ExitStack() as opened:
        socket = opened.enter_context(_engine())
        row = (MODEL, "--engine", f"engine:{socket}", "--context", str(CONTEXT))
        sites = [opened.enter_context(site(server, row)) for server in SERVERS]
        for number in range(rounds + 1):
            straight = Straight(socket)
            alone = asyncio.run(_seconds(jobs, [straight] * CONCURRENT))
            for one in sites:
                customers = [OverHTTP(one) for _ in range(CONCURRENT)]
                ratio = alone / asyncio.run(_seconds(jobs, customers))
                if number:  # the first round warms up
                    ratios[one.server].append(ratio)
    return {server: statistics.median(values) for server, values in ratios.items()}


def report(ratios: dict[str, float]) -> str:
    each = "  ".join(f"{server} {ratio:.2f}" for server, ratio in ratios.items())
    verdict = "reached" if max(ratios.values()) >= TARGET else "MISSED"
    return f"HTTP road / engine alone at {CONCURRENT}: {each}   target {TARGET} {verdict}"


def _jobs(calls: int) -> list[Job]:
    chance = random.Random(1)
    return [
        Job(
            tuple(chance.randrange(5, 2000) for _ in range(chance.randint(16, 128))),
            chance.randint(16, 128),
        )
        for _ in range(calls)
    ]


class Straight:
    """One of the callers that talk to the engine process itself."""

    def __init__(self, socket: str) -> None:
        self.engine = LocalEngine(socket)
        self.sampling = SamplingParams(temperature=0.0, logit_bias={END: -100.0})

    async def __call__(self, job: Job) -> int:
        request = GenerationRequest("bench", MODEL, self.sampling, prompt=job.prompt)
        tokens = 0
        async for batch in self.engine.generate(await self.engine.prepare(request), job.output):
            tokens = batch[-1].completion_tokens
        return tokens


class OverHTTP:
    """One of the callers that are customers, each on a connection of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.connection: http_load.Connection | None = None

    async def __call__(self, job: Job) -> int:
        self.connection = self.connection or await http_load.Connection.open(self.site)
        call = {
            "model": MODEL,
            "prompt": job.prompt,
            "max_tokens": job.output,
            "temperature": 0,
            "logit_bias": {str(END): -100},
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        request = http_load.request(self.site, "/v1/completions", call)
        _, body = await self.connection.ask(request)
        found = re.search(rb'"completion_tokens":(\d+)', body)
        if found is None:
            raise RuntimeError(f"{self.site.server} answered {body[-500:]!r}")
        return int(found[1])


async def _seconds(jobs: list[Job], callers: Iterable[Callable[[Job], Awaitable[int]]]) -> float:
    """How long these callers take for all jobs together."""
    waiting = deque(jobs)

    async def work(ask: Callable[[Job], Awaitable[int]]) -> None:
        while waiting:
            job = waiting.popleft()
            tokens = await ask(job)
            if tokens != job.output:
                raise RuntimeError(f"{tokens} tokens came instead of {job.output}")

    start = time.monotonic()
    await asyncio.gather(*(work(ask) for ask in callers))
    return time.monotonic() - start


@contextmanager
def _engine() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="smarter-bench-engine-") as folder:
        model = make_folder(Path(folder) / "model")
        socket = f"unix:{folder}/engine.sock"
        process = subprocess.Popen(
            [
                *(sys.executable, str(MANAGE), "serve_engine", "--model", str(model)),
                *("--name", MODEL, "--listen", socket, "--threads", "2", "--die-with-parent"),
            ],
            stdout=subprocess.PIPE,
        )
        try:
            if not process.stdout or not process.stdout.readline():
                raise RuntimeError("The engine did not start; its reason stands above.")
            yield socket
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=CALLS)
    options = parser.parse_args()
    print(report(measure(options.rounds, options.calls)))


if __name__ == "__main__":
    main()
