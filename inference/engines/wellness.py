"""Whether anybody answers where a model is served, for whoever has no event loop to ask from."""

import asyncio
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from inference.engines import registry
from inference.engines.base import EngineError
from inference.engines.local.client import LocalEngine
from inference.engines.local.replicated import WELL
from inference.engines.remote import checking
from inference.engines.remote.address import SCHEMES, BadRemote, RemoteAddress
from inference.engines.remote.connections import Connections

FRESH_SECONDS: Final = 5.0
PATIENCE: Final = 1.0
AT_ONCE: Final = 16
_answered: dict[str, tuple[float, bool]] = {}


def any_answers(engine: str) -> bool:
    """Of a row's address, as it was at most `FRESH_SECONDS` ago; true of those that name no place:
    they are served by who says so."""
    ask_all([engine])
    found = _places(engine)
    return not found or any(_answered[place][1] for place in found)


def ask_all(engines: Iterable[str]) -> None:
    """Ask at the places of all these rows side by side, as far as they were not asked just now."""
    now = time.monotonic()
    places = {place for engine in engines for place in _places(engine)}
    stale = [place for place in places if place not in _answered or _answered[place][0] < now]
    if stale:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for place, well in zip(stale, pool.map(answers, stale), strict=True):
                _answered[place] = (time.monotonic() + FRESH_SECONDS, well)


def answers(place: str) -> bool:
    """As the engine's own checks see it; other people's servers are not told our key."""
    is_well = _server_is_well if place.startswith(SCHEMES) else _process_is_well
    return asyncio.run(is_well(place))


def forget() -> None:
    """Ask again at once (a test's wish)."""
    _answered.clear()


async def _server_is_well(url: str) -> bool:
    connections = Connections({})
    try:
        async with asyncio.timeout(PATIENCE):
            return await checking.answers(connections, url)
    except TimeoutError:
        return False
    finally:
        connections.close()


async def _process_is_well(address: str) -> bool:
    process = LocalEngine(address, secret=os.environ.get(registry.SECRET))
    try:
        async with asyncio.timeout(PATIENCE):
            return (await process.health()).status == WELL
    except (EngineError, TimeoutError):
        return False
    finally:
        await process.close()


def _places(engine: str) -> tuple[str, ...]:
    """Servers by their URLs, our processes by `unix:…` or `tcp:…`."""
    if not engine.startswith(SCHEMES):
        return registry.named_processes(engine)
    try:
        return RemoteAddress.read(engine).urls
    except BadRemote:
        return ()
