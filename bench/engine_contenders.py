"""Who competes in the engine's benchmark: each answers requests, so many at once, all greedy."""

import asyncio
import logging
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from transformers import (
    ContinuousBatchingConfig,
    ContinuousBatchingManager,
    GenerationConfig,
    PreTrainedModel,
)

from inference.engines.base import GenerationRequest, SamplingParams
from inference.engines.local.client import LocalEngine
from inference.engines.local.grammars import Grammar
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.loop import EngineLoop, QueueBounds
from inference.engines.local.runner import Runner
from inference.engines.local.sequences import StepEvents, Submission
from inference.engines.local.steps import StepOptions, Steps

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = 256
SLOTS = 128
PATIENCE = 300.0
GREEDY = SamplingParams(temperature=0, ignore_eos=True)


class Ask(NamedTuple):
    prompt: list[int]
    tokens: int


class Figures(NamedTuple):
    tokens_per_second: float
    first_token_ms: float  # median


class Contender(Protocol):
    name: str

    def run(self, asks: list[Ask], at_once: int) -> Figures: ...


class _Clock:
    """Counts what arrives; a request's first token is timed from when it was sent."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._sent: dict[int, float] = {}
        self._first: dict[int, float] = {}
        self.tokens = 0

    def sent(self, number: int) -> None:
        self._sent[number] = time.perf_counter()

    def came(self, number: int, tokens: int = 1) -> None:
        self.tokens += tokens
        if number not in self._first:
            self._first[number] = time.perf_counter() - self._sent[number]

    def figures(self, expected: int) -> Figures:
        if self.tokens != expected:
            raise RuntimeError(f"{self.tokens} tokens came instead of {expected}")
        seconds = time.perf_counter() - self._began
        waits = sorted(self._first.values())
        return Figures(self.tokens / seconds, waits[len(waits) // 2] * 1000)


class Serial:
    """`generate`, one request after the other. All are sent at the beginning."""

    name = "generate, one by one"

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model

    def run(self, asks: list[Ask], at_once: int) -> Figures:
        clock = _Clock()
        for number in range(len(asks)):
            clock.sent(number)
        for number, ask in enumerate(asks):
            self._model.generate(  # type: ignore[operator]  # a method that mypy takes for a tensor
                torch.tensor([ask.prompt]),
                attention_mask=torch.ones(1, len(ask.prompt), dtype=torch.long),
                max_new_tokens=ask.tokens,
                min_new_tokens=ask.tokens,
                do_sample=False,
                pad_token_id=0,
            )
            clock.came(number, ask.tokens)
        return clock.figures(sum(ask.tokens for ask in asks))


class Continuous:
    """transformers' own continuous batching, its cache bounded to what the others use."""

    name = "transformers' continuous batching"

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model

    def run(self, asks: list[Ask], at_once: int) -> Figures:
        # It tells the beginner much, and a benchmark nothing.
        logging.getLogger("transformers").setLevel(logging.ERROR)
        config = ContinuousBatchingConfig(
            page_size=32, num_blocks=SLOTS * CONTEXT // 32, max_batch_tokens=512
        )
        generation = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            do_sample=False, eos_token_id=-1, max_new_tokens=CONTEXT
        )
        with self._model.continuous_batching_context_manager(  # type: ignore[operator]  # the same
            generation_config=generation, continuous_batching_config=config
        ) as manager:
            return self._drive(manager, asks, at_once)

    def _drive(self, manager: ContinuousBatchingManager, asks: list[Ask], at_once: int) -> Figures:
        clock = _Clock()
        waiting = iter(list(enumerate(asks)))
        left = len(asks)

        def send() -> None:
            for number, ask in waiting:
                clock.sent(number)
                manager.add_request(
                    ask.prompt, str(number), max_new_tokens=ask.tokens, streaming=True
                )
                return

        for _ in range(at_once):
            send()
        seen = dict.fromkeys(range(len(asks)), 0)
        while left:
            result = manager.get_result(timeout=PATIENCE)
            if result is None:
                continue
            number = int(result.request_id)
            count = len(result.generated_tokens)
            clock.came(number, count - seen[number])
            seen[number] = count
            if result.is_finished():
                left -= 1
                send()
        return clock.figures(sum(ask.tokens for ask in asks))


class Ours:
    """Our step loop, in this process."""

    name = "our engine"

    def __init__(self, model: PreTrainedModel) -> None:
        cache = SlotCache(CacheShape.of(model.config), SLOTS, CONTEXT, model.dtype, model.device)
        options = StepOptions(model.config.vocab_size, frozenset())
        steps = Steps(Runner(model, cache), options)
        steps.speed_up()
        self._run_steps(steps, GREEDY)

    @classmethod
    def of(cls, steps: Steps, sampling: SamplingParams) -> "Ours":
        """The loop over steps that are loaded already."""
        ours = cls.__new__(cls)
        ours._run_steps(steps, sampling)  # noqa: SLF001 - its own
        return ours

    def _run_steps(self, steps: Steps, sampling: SamplingParams) -> None:
        self._sampling = sampling
        self._told: queue.SimpleQueue[StepEvents] = queue.SimpleQueue()
        self._loop = EngineLoop(steps, QueueBounds(10**9), self._told.put, lambda: None)
        self._loop.start()

    def close(self) -> None:
        self._loop.stop()

    def run(self, asks: list[Ask], at_once: int, grammar: Grammar | None = None) -> Figures:
        clock = _Clock()
        waiting = iter(list(enumerate(asks)))
        left = len(asks)

        def send() -> None:
            for number, ask in waiting:
                clock.sent(number)
                self._loop.submit(
                    Submission(
                        ask.prompt, self._sampling, ask.tokens, grammar=grammar, owner=number
                    )
                )
                return

        for _ in range(at_once):
            send()
        while left:
            for event in self._told.get(timeout=PATIENCE).tokens:
                owner = event.sequence.submission.owner
                assert isinstance(owner, int)  # noqa: S101 - for the type checker
                clock.came(owner)
                if event.finish_reason:
                    left -= 1
                    send()
        return clock.figures(sum(ask.tokens for ask in asks))


class OverSocket:
    """Our engine as it is served: its own process, text instead of token ids, frames."""

    name = "our engine over its socket"

    def __init__(self, address: str) -> None:
        self._address = address

    def run(self, asks: list[Ask], at_once: int) -> Figures:
        return asyncio.run(self._run(asks, at_once))

    async def _run(self, asks: list[Ask], at_once: int) -> Figures:
        client, clock = LocalEngine(self._address), _Clock()
        waiting = iter(list(enumerate(asks)))

        async def worker() -> None:
            for number, ask in waiting:
                clock.sent(number)
                request = GenerationRequest("b", "m", GREEDY, prompt=tuple(ask.prompt))
                seen = 0
                async for deltas in client.generate(await client.prepare(request), ask.tokens):
                    total = deltas[-1].completion_tokens
                    clock.came(number, total - seen)
                    seen = total

        await asyncio.gather(*(worker() for _ in range(at_once)))
        await client.close()
        return clock.figures(sum(ask.tokens for ask in asks))


@contextmanager
def served(folder: Path, threads: int) -> Iterator[str]:
    """An engine process's address."""
    with serving(folder, threads) as (address, _):
        yield address


@contextmanager
def serving(folder: Path, threads: int) -> Iterator[tuple[str, int]]:
    """An engine process's address, and its number."""
    with tempfile.TemporaryDirectory() as place:
        address = f"unix:{place}/engine.sock"
        process = subprocess.Popen(
            [
                sys.executable, "-m", "inference.engines.local", "--die-with-parent",
                "--model", str(folder), "--listen", address, "--threads", str(threads),
                "--context", str(CONTEXT), "--max-sequences", str(SLOTS),
            ],
            cwd=ROOT,
            env=os.environ,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 - for the type checker
        process.stdout.readline()
        try:
            yield address, process.pid
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
