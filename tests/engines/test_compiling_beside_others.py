"""A new schema costs the engine's own process next to nothing: another reads and compiles it."""

import time
from pathlib import Path
from typing import Any

from inference.engines.base import GenerationRequest, ResponseFormat, SamplingParams
from inference.engines.local import loading
from inference.engines.local.grammar_wishes import wish_of
from inference.engines.local.loading import LoadOptions

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 24}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
MOST_SECONDS = 0.003  # of processor time, for the largest schemas: half of a small model's step


def asking(number: int) -> GenerationRequest:
    properties = {f"field_{number}_{each}": PERSON for each in range(300)}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return GenerationRequest("g", "m", SamplingParams(), response_format=ResponseFormat(schema))


def test_a_large_schema_takes_less_of_the_engine_than_a_step(model_folder: Path) -> None:
    model = loading.load(LoadOptions(model_folder))
    model.grammars.compile(wish_of(asking(0)), "response_format")
    took = []
    for number in range(1, 6):
        wish = wish_of(asking(number))
        start = time.process_time()  # of all threads, and not the clock's: others use processors
        assert model.grammars.compile(wish, "response_format")
        took.append(time.process_time() - start)
    model.grammars.close()
    assert min(took) < MOST_SECONDS, took
