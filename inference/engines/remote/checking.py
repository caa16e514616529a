"""Whether a server answers, over the connections of the engine that asks it for answers."""

from typing import Final

from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections

NOT_THERE: Final = frozenset({502, 503, 504})  # nobody is behind it, or it will not serve now


async def answers(connections: Connections, url: str) -> bool:
    """That it is full, or refuses our key, calls themselves will tell; and some answer 500 here
    (transformers serve without a cache) though they generate."""
    try:
        async with connections.ask("GET", f"{url}/models") as told:
            return told.status not in NOT_THERE
    except Broken:
        return False
