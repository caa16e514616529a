"""What it costs to hold answers to a JSON schema: same engine, same lengths, turn by turn."""

import asyncio
import gc
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.engine_contenders import CONTEXT, SLOTS, Ask, Ours
from inference.engines.base import (
    GenerationRequest,
    Prepared,
    ResponseFormat,
    SamplingParams,
)
from inference.engines.local.client import LocalEngine
from inference.engines.local.grammar_wishes import wish_of
from inference.engines.local.loading import LoadOptions, load

LARGE_SCHEMAS = 50
ROUND_SECONDS = 3.0
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 24},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "colour": {"enum": ["red", "green", "blue"]},
        "notes": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
    "required": ["name", "age", "colour", "notes"],
    "additionalProperties": False,
}
PEOPLE = {"type": "array", "items": PERSON, "minItems": 10_000}  # so that length alone ends it


def ratios(folder: Path, threads: int, asks: dict[int, list[Ask]], rounds: int) -> dict[int, float]:
    """Tokens per second of held rows, as multiples of free rows just before and after."""
    options = LoadOptions(folder, context=CONTEXT, max_sequences=SLOTS, threads=threads)
    model = load(options)
    sampling = SamplingParams(temperature=1, seed=1, ignore_eos=True)
    request = GenerationRequest("b", "m", sampling, response_format=ResponseFormat(PEOPLE))
    grammar = model.grammars.compile(wish_of(request), "response_format")
    ours = Ours.of(model.steps, sampling)
    found: dict[int, list[float]] = {at_once: [] for at_once in asks}
    try:
        for at_once, wanted in asks.items():
            for _ in range(rounds + 1):  # the first one warms up
                before = ours.run(wanted, at_once).tokens_per_second
                held = ours.run(wanted, at_once, grammar).tokens_per_second
                after = ours.run(wanted, at_once).tokens_per_second
                found[at_once].append(2 * held / (before + after))
    finally:
        ours.close()
        model.grammars.close()
    return {at_once: median(each[1:]) for at_once, each in found.items()}


class Waits(NamedTuple):
    """Milliseconds that a running stream waits for a token: usually (a step), and at the longest,
    alone and beside compilations."""

    step: float
    alone: float
    beside: float


def gaps(address: str, rounds: int) -> Waits:
    """Medians over rounds of three seconds, alone and beside compilations by turns."""
    return asyncio.run(_gaps(address, rounds))


async def _gaps(address: str, rounds: int) -> Waits:
    gc.freeze()  # or a collection here, of all that is imported, would be the longest wait
    client = LocalEngine(address)
    found: list[Waits] = []
    try:
        for number in range(rounds + 1):  # the first one warms up
            alone = await _waits(client, asyncio.create_task(asyncio.sleep(ROUND_SECONDS)))
            beside = await _waits(client, asyncio.create_task(_compile(client, number)))
            found.append(Waits(median(alone), max(alone), max(beside)))
    finally:
        await client.close()
    return Waits(*(median(each) for each in zip(*found[1:], strict=True)))


async def _waits(client: LocalEngine, until: "asyncio.Task[None]") -> list[float]:
    waits: list[float] = []
    while not until.done():
        prepared = await _prepared(client, None)
        last = 0.0
        async for _ in client.generate(prepared, CONTEXT - 8):
            now = time.perf_counter()
            waits += [1000 * (now - last)] if last else []
            last = now
    await until
    return waits


async def _compile(client: LocalEngine, round_number: int) -> None:
    first = round_number * LARGE_SCHEMAS  # none is known from another round
    for number in range(first, first + LARGE_SCHEMAS):
        properties = {f"field_{number}_{each}": PERSON for each in range(150)}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        (await _prepared(client, ResponseFormat(schema))).drop()


async def _prepared(client: LocalEngine, form: ResponseFormat | None) -> Prepared:
    sampling = SamplingParams(temperature=0, ignore_eos=True)
    request = GenerationRequest("b", "m", sampling, prompt=(5, 6, 7, 8), response_format=form)
    return await client.prepare(request)
