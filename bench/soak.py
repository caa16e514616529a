"""Memory of the engine under load: streams, schemas and readers who leave, for as long as you like.

    python -m bench.soak [--minutes 5] [--at-once 32] [--threads 2] [--busy 1.0]

The 11M random Llama in its own process, with its children. Prompts and schemas never repeat for
long, a quarter of the readers leave before the end. With `--busy 0.3` they come in waves: nobody
asks in the last 7 of 10 seconds, so that an hour of it leaves the machine to others. What is kept
on purpose (prefixes, grammars) is full after the first quarter of the time; from then on it may not
grow.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from bench.engine_contenders import serving
from bench.engine_held import PERSON
from bench.engine_model import VOCABULARY, make_folder
from inference.engines.base import GenerationRequest, ResponseFormat, SamplingParams
from inference.engines.local.client import LocalEngine

SAMPLES: Final = 60
WINDOWS: Final = 6
MOST_GROWTH: Final = 1.03  # of the last quarter over the second
SCHEMAS: Final = 500
WAVE_SECONDS: Final = 10.0


class Load:
    """So many readers at once, each asking again as soon as it is answered or has left."""

    def __init__(self, address: str, busy: float) -> None:
        self._engine = LocalEngine(address)
        self._chance = random.Random(0)
        self._busy = busy
        self.tokens = self.answers = 0

    async def read(self) -> None:
        while True:
            into_wave = time.monotonic() % WAVE_SECONDS
            if into_wave > self._busy * WAVE_SECONDS:
                await asyncio.sleep(WAVE_SECONDS - into_wave)
            await self._one()
            self.answers += 1

    async def close(self) -> None:
        await self._engine.close()

    async def _one(self) -> None:
        chance = self._chance
        prompt = tuple(chance.randrange(3, VOCABULARY) for _ in range(chance.randint(16, 128)))
        way = SamplingParams(temperature=chance.choice((0, 1)), seed=1, ignore_eos=True)
        form = None
        if chance.random() < 1 / 8:
            number = chance.randrange(SCHEMAS)
            form = ResponseFormat({**PERSON, "title": f"person {number}"})
        request = GenerationRequest("s", "m", way, prompt=prompt, response_format=form)
        leaves_at = chance.randint(1, 100) if chance.random() < 1 / 4 else 1000
        stream = self._engine.generate(await self._engine.prepare(request), chance.randint(16, 120))
        seen = 0
        async for deltas in stream:
            self.tokens += deltas[-1].completion_tokens - seen
            seen = deltas[-1].completion_tokens
            if seen >= leaves_at:
                break
        await stream.aclose()  # type: ignore[attr-defined]  # a generator, which the protocol does not promise


def memory(process: int) -> float:
    """Megabytes of it and of its children, those that compile grammars; what they share counts
    once."""
    kilobytes, left = 0, [process]
    while left:
        folder = Path(f"/proc/{left.pop()}")
        try:
            _, *lines = (folder / "smaps_rollup").read_text().splitlines()
            children = [task.read_text().split() for task in folder.glob("task/*/children")]
        except OSError:
            continue  # it has ended meanwhile
        kilobytes += int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
        left += [int(child) for some in children for child in some]
    return kilobytes / 2**10


async def soak(process: int, load: Load, minutes: float, at_once: int) -> list[float]:
    """Megabytes, sample by sample."""
    found = []
    readers = [asyncio.create_task(load.read()) for _ in range(at_once)]
    began = time.monotonic()
    print(f"{'minutes':>8}{'MB':>8}{'answers':>10}{'tokens':>10}")
    for number in range(SAMPLES):
        until = began + 60 * minutes * (number + 1) / SAMPLES
        await asyncio.wait(readers, timeout=until - time.monotonic())
        for reader in readers:
            if reader.done():
                await reader  # it raises what ended it
        found.append(memory(process))
        passed = (time.monotonic() - began) / 60
        print(f"{passed:8.1f}{found[-1]:8.0f}{load.answers:10}{load.tokens:10}", flush=True)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await load.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--busy", type=float, default=1.0, help="part of the time, 0 to 1")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = make_folder(Path(place))
        with serving(folder, asked.threads) as (address, process):
            load = Load(address, asked.busy)
            found = asyncio.run(soak(process, load, asked.minutes, asked.at_once))
    width = SAMPLES // WINDOWS
    for start in range(0, SAMPLES, width):
        window = found[start : start + width]
        until = asked.minutes * (start + width) / SAMPLES
        print(f"until minute {until:4.1f}: {min(window):6.0f} to {max(window):6.0f} MB")
    quarter = SAMPLES // 4
    growth = median(found[-quarter:]) / median(found[quarter : 2 * quarter])
    verdict = "reached" if growth <= MOST_GROWTH else "MISSED"
    print(f"last quarter over the second: {growth:.3f}  target {MOST_GROWTH} {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
