"""Whether a server answers, over the connections of the engine that asks it for answers."""

import asyncio
from typing import Final

from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections

NOT_THERE: Final = frozenset({502, 503, 504})  # nobody is behind it, or it will not serve now
HEALTH_SECONDS: Final = 0.5


async def answers(connections: Connections, url: str) -> bool:
    """That it is full, or refuses our key, calls themselves will tell; and some answer 500 here
    (transformers serve without a cache) though they generate."""
    if await _says_that_it_is_ill(connections, f"{url.removesuffix('/v1')}/health"):
        return False
    return await _status(connections, f"{url}/models") not in {None, *NOT_THERE}


async def _says_that_it_is_ill(connections: Connections, url: str) -> bool:
    """Where vLLM, SGLang and transformers serve tell that nobody generates any more behind a door
    that is still open. Others have no such place, and some take a second for it: both say nothing.
    """
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            return await _status(connections, url) in NOT_THERE
    except TimeoutError:
        return False


async def _status(connections: Connections, url: str) -> int | None:
    """None: no answer."""
    try:
        async with connections.ask("GET", url) as told:
            return told.status
    except Broken:
        return None
