"""What the engine processes say of themselves, for `/metrics`: those that this web process uses."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from inference.engines import registry
from inference.engines.base import EngineError
from inference.engines.local.client import LocalEngine
from inference.engines.local.frames import EngineHealth

PATIENCE: Final = 1.0  # seconds, for all of them side by side
_LABELS: Final = ("model", "engine")
_Told = tuple[Sequence[str], EngineHealth]
_GAUGES: Final[dict[str, tuple[str, Callable[[EngineHealth], float]]]] = {
    "requests_running": ("Sequences in the batch.", lambda now: now.running),
    "requests_running_most": ("Sequences that fit the batch.", lambda now: now.slots),
    "requests_waiting": ("Requests that wait for a place in the batch.", lambda now: now.waiting),
    "tokens_waiting": ("Tokens that they may take, and texts to be read.",
                       lambda now: now.waiting_tokens),
    "kv_cache_usage_ratio": ("Part of the KV cache in use, 0 to 1.",
                             lambda now: now.kept_tokens / max(1, now.room)),
    "step_running_seconds": ("How long the current step has been running.",
                             lambda now: now.step_seconds),
}  # fmt: skip
_COUNTERS: Final[dict[str, tuple[str, Callable[[EngineHealth], float]]]] = {
    "prompt_tokens": ("Tokens of prompts computed.", lambda now: now.prompt_tokens),
    "generation_tokens": ("Tokens generated.", lambda now: now.generated_tokens),
    "steps": ("Steps of the batch.", lambda now: now.steps),
    "step_seconds": ("Seconds spent in them.", lambda now: now.worked_seconds),
}


async def now() -> list[Metric]:
    """One that does not answer in time is `engine_up` 0, and nothing else is told of it."""
    engines = registry.processes()
    asked = await asyncio.gather(*map(_ask, engines))
    up = GaugeMetricFamily("engine_up", "1 where the engine process answers.", labels=["engine"])
    for engine, told in zip(engines, asked, strict=True):
        up.add_metric([engine.address], float(told is not None))
    return [up, *_families([told for told in asked if told])]


def _families(asked: Sequence[_Told]) -> list[Metric]:
    found: list[Metric] = []
    kinds = ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS))
    for kind, figures in kinds:
        for name, (meaning, figure) in figures.items():
            family = kind(f"engine_{name}", meaning, labels=_LABELS)
            for labels, health in asked:
                family.add_metric(labels, figure(health))
            found.append(family)
    return found


async def _ask(engine: LocalEngine) -> _Told | None:
    try:
        async with asyncio.timeout(PATIENCE):
            info, health = await asyncio.gather(engine.info(), engine.health())
    except (EngineError, TimeoutError):
        return None
    return (info.model, engine.address), health
