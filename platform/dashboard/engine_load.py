"""How busy the engines of this machine are, asked of themselves."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from inference.engines import sockets
from inference.engines.base import EngineError
from inference.engines.local.client import LocalEngine
from inference.models import ServedModel

PATIENCE: Final = 0.5
"""Seconds, for all of them together: a page does not wait for one that hangs."""


@dataclass(frozen=True, slots=True)
class Load:
    """`running` answers of `slots` that fit at once; `waiting` tokens are not begun."""

    running: int
    slots: int
    waiting: int


def of(models: Iterable[ServedModel]) -> dict[str, Load]:
    """By model, of those that answer."""
    local = [model.id for model in models if model.engine.startswith("local:")]
    return asyncio.run(_of_all(local))


async def _of_all(model_ids: list[str]) -> dict[str, Load]:
    found = await asyncio.gather(*map(_ask, model_ids))
    return {name: load for name, load in zip(model_ids, found, strict=True) if load}


async def _ask(model_id: str) -> Load | None:
    client = LocalEngine(f"unix:{sockets.path_for(model_id, settings.DATA_DIR)}")
    try:
        async with asyncio.timeout(PATIENCE):
            health = await client.health()
    except (EngineError, TimeoutError):
        return None
    finally:
        await client.close()
    return Load(health.running, health.slots, health.waiting_tokens)
