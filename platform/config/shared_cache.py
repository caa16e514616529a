"""Django's cache, shared through Redis; while that is away, each process keeps its own.

What lies in it are counts of logins and figures that can be had anew, so that a lost entry is no
loss, but a page that fails would be one.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

PATIENCE: Final = 0.5  # seconds for an answer
REST_SECONDS: Final = 2.0  # after a failure


class SharedCache(BaseCache):
    _rests_until = 0.0  # of the process: threads have instances of their own

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        patient = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        self._shared = RedisCache(server, {**params, "OPTIONS": patient})
        self._here = LocMemCache("instead of Redis", params)

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        return bool(self._ask(lambda cache: cache.add(key, value, timeout, version)))

    def get(self, key: str, default: Any = None, version: Any = None) -> Any:
        return self._ask(lambda cache: cache.get(key, default, version))

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        self._ask(lambda cache: cache.set(key, value, timeout, version))

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        return bool(self._ask(lambda cache: cache.touch(key, timeout, version)))

    def delete(self, key: str, version: Any = None) -> bool:
        return bool(self._ask(lambda cache: cache.delete(key, version)))

    def incr(self, key: str, delta: int = 1, version: Any = None) -> int:
        return int(self._ask(lambda cache: cache.incr(key, delta, version)))

    def clear(self) -> None:
        self._ask(lambda cache: cache.clear())

    def _ask(self, question: Callable[[BaseCache], Any]) -> Any:
        if time.monotonic() >= SharedCache._rests_until:
            try:
                return question(self._shared)
            except RedisError:
                SharedCache._rests_until = time.monotonic() + REST_SECONDS
        return question(self._here)
