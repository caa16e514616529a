"""Who compiles a grammar keeps no other thread of the engine from running.

A step needs the interpreter's lock again and again, so it waits as long as another thread keeps it:
never while a grammar compiles, and only some milliseconds while a schema is read.
"""

import os
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from inference.engines.base import GenerationRequest, ResponseFormat, SamplingParams
from inference.engines.local import grammar_compiler, loading
from inference.engines.local.grammar_compiler import GIVES_WAY, TokenizerText
from inference.engines.local.grammar_trials import Trial
from inference.engines.local.loading import LoadOptions
from inference.engines.local.tool_formats import grammar_for

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 24}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
MOST_READING_SECONDS = 0.02  # of processor time, for the largest schemas; a step takes as long


def large_schema() -> dict[str, Any]:
    properties = {f"field_{number}": PERSON for number in range(300)}
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.fixture(scope="module")
def grammar() -> str:
    made = grammar_for(_request(), None)
    assert made is not None
    return made


def _request() -> GenerationRequest:
    form = ResponseFormat(large_schema())
    return GenerationRequest("g", "m", SamplingParams(), prompt=(5, 6), response_format=form)


class Other:
    """A thread that notes when it runs."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Other":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    def _run(self) -> None:
        while not self._stop:
            self.ticks.append(time.perf_counter())
            time.sleep(0)

    def ran_between(self, start: float, end: float) -> int:
        return sum(start < tick < end for tick in self.ticks)


def test_others_run_while_a_grammar_compiles(model_folder: Path, grammar: str) -> None:
    model = loading.load(LoadOptions(model_folder))
    tokenizer = model.grammars._tokenizer
    assert tokenizer is not None
    ran = []
    with Other() as other:
        for _ in range(5):
            start = time.perf_counter()
            grammar_compiler.compile_grammar(tokenizer, grammar)
            ran.append(other.ran_between(start, time.perf_counter()))
    model.grammars.close()
    assert median(ran) > 10, ran  # of a lock that is kept, others would see nothing


def test_who_tries_grammars_gives_way_to_the_steps(model_folder: Path) -> None:
    model = loading.load(LoadOptions(model_folder))
    tokenizer = TokenizerText.of(
        (model_folder / "tokenizer.json").read_text(), model.info.vocabulary_size, ()
    )
    model.grammars.close()
    trial = Trial(tokenizer)
    assert trial.fault('start: "a"') == ""
    assert trial._process is not None
    niceness = os.getpriority(os.PRIO_PROCESS, trial._process.pid)
    assert niceness == os.getpriority(os.PRIO_PROCESS, 0) + GIVES_WAY
    trial.close()


def test_reading_a_large_schema_takes_no_longer_than_a_step() -> None:
    took = []
    for _ in range(5):
        start = time.thread_time()  # not the clock's: others may use the processor
        grammar_for(_request(), None)
        took.append(time.thread_time() - start)
    assert min(took) < MOST_READING_SECONDS
