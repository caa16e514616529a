"""Embeddings: 256 short texts in one request against one by one, and a stream beside them.

    python -m bench.embeddings [--rounds 3] [--threads 2]

The 11M random Llama of the engine benchmark in its own process, over the socket; median of rounds.
"""

import argparse
import asyncio
import random
import tempfile
import time
from array import array
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench.engine_contenders import served
from bench.engine_model import VOCABULARY, make_folder
from inference.engines.base import GenerationRequest, SamplingParams
from inference.engines.local.client import LocalEngine

TEXTS = 256
LONGEST = 32  # tokens
TARGET = 2.0
STREAM = GenerationRequest("r", "m", SamplingParams(ignore_eos=True), prompt="hello")


def texts(seed: int) -> list["array[int]"]:
    chance = random.Random(seed)
    return [
        array("i", [chance.randrange(3, VOCABULARY) for _ in range(chance.randint(4, LONGEST))])
        for _ in range(TEXTS)
    ]


async def ratio(engine: LocalEngine, seed: int) -> float:
    """How many times faster a request of all is than a request for each."""
    asked = texts(seed)
    began = time.perf_counter()
    for text in asked:
        await engine.embed([text])
    one_by_one = time.perf_counter() - began
    began = time.perf_counter()
    await engine.embed(asked)
    return one_by_one / (time.perf_counter() - began)


async def token_ms(engine: LocalEngine) -> float:
    """The median pause between a stream's tokens."""
    prepared = await engine.prepare(STREAM)
    came = [time.perf_counter() async for _ in engine.generate(prepared, 60)]
    return 1000 * median(later - earlier for earlier, later in pairwise(came))


async def beside(engine: LocalEngine) -> tuple[float, float]:
    """A stream's pause alone, and while texts are read all the time."""
    alone = await token_ms(engine)
    reading = asyncio.create_task(engine.embed(texts(1) * 8))
    crowded = await token_ms(engine)
    reading.cancel()
    await asyncio.wait({reading})
    return alone, crowded


async def measure(address: str, rounds: int) -> list[str]:
    engine = LocalEngine(address)
    await ratio(engine, 0)  # warms up
    times = median([await ratio(engine, seed) for seed in range(rounds)])
    alone, crowded = await beside(engine)
    await engine.close()
    verdict = "reached" if times >= TARGET else "MISSED"
    return [
        f"{TEXTS} short texts in one request: {times:.1f} times as fast as one by one"
        f"  target {TARGET} {verdict}",
        f"a stream's pause between tokens: {alone:.1f} ms alone, {crowded:.1f} ms beside them",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        served(make_folder(Path(place)), options.threads) as address,
    ):
        print("\n".join(asyncio.run(measure(address, options.rounds))))


if __name__ == "__main__":
    main()
