"""Where web processes share what they count: Redis, if `REDIS_URL` names one."""

import importlib
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from api.redis_road import Road


class RedisAway(Exception):
    """Each process goes on alone."""


def road() -> "Road | None":
    """This process's way to Redis; None where it is the only one."""
    return _road(settings.REDIS_URL) if settings.REDIS_URL else None


def is_away() -> bool:
    """For threads: is there a Redis that does not answer now?"""
    found = road()
    if found is None:
        return False
    try:
        found.ask("PING")
    except RedisAway:
        return True
    return False


async def close() -> None:
    """An event loop's last act."""
    if found := road():
        await found.close()


@cache
def _road(url: str) -> "Road":
    # Imported only here: who has one process needs no Redis client.
    found: Road = importlib.import_module("api.redis_road").Road(url)
    return found
