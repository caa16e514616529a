"""Sliding windows in Redis, one for all web processes: a script takes from them, or refuses.

Of a window a sorted set has what was taken when, and a hash beside it how much. Redis's own clock
counts. While Redis is away nobody is kept waiting for it: answers are None, and a metric says so.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter
from redis import Redis
from redis import asyncio as of_loops
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PREFIX: Final = "smarter:limits:"
PATIENCE: Final = 0.5  # seconds for an answer
REST_SECONDS: Final = 2.0  # after a failure
CONNECTIONS: Final = 16
ALONE = Counter("rate_limits_alone", "Calls that one process counted alone: Redis was away.")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """`amount` of what in any `seconds` may be at most `limit`."""

    name: str
    amount: int
    limit: int
    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """Of a window, after the wish: it fits in `wait` seconds (0: it was taken)."""

    used: int
    wait: float
    empty_in: float


class SharedWindows:
    """Of one process. Several wishes are granted together, or none of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._options: dict[str, Any] = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
        }
        self._blocking = _Scripts(Redis.from_url(url, retry=Retry(NoBackoff(), 1), **self._options))
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Scripts]
        self._of_loops = weakref.WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rests_until = 0.0

    def take(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        """For threads; `taken` is a new id, by which it can be given back."""
        if self._resting():
            return None
        try:
            return _states(self._blocking.take(*_asked(taken, wishes)), wishes)
        except RedisError as error:
            self._away(error)
            return None

    async def atake(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        if self._resting():
            return None
        try:
            return _states(await self._here().take(*_asked(taken, wishes)), wishes)
        except RedisError as error:
            self._away(error)
            return None

    def give_back(self, taken: str, names: Sequence[str], actual: int) -> None:
        """All but `actual`; in an event loop soon. What gets lost only counts until it is old."""
        keys = [PREFIX + name for name in names]
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._give_back_now(keys, [taken, actual])
            return
        self._tasks.add(task := loop.create_task(self._give_back_soon(keys, [taken, actual])))
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """An event loop's last act."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in self._tasks if task.get_loop() is loop))
        if scripts := self._of_loops.pop(loop, None):
            await scripts.client.aclose()

    def _here(self) -> "_Scripts":
        loop = asyncio.get_running_loop()
        if loop not in self._of_loops:
            pool = of_loops.BlockingConnectionPool.from_url(
                self._url,
                max_connections=CONNECTIONS,
                timeout=PATIENCE,
                retry=of_loops.retry.Retry(NoBackoff(), 1),
                **self._options,
            )
            self._of_loops[loop] = _Scripts(of_loops.Redis.from_pool(pool))
        return self._of_loops[loop]

    def _give_back_now(self, keys: list[str], args: list[str | int]) -> None:
        try:
            self._blocking.give_back(keys, args)
        except RedisError as error:
            self._away(error)

    async def _give_back_soon(self, keys: list[str], args: list[str | int]) -> None:
        try:
            await self._here().give_back(keys, args)
        except RedisError as error:
            self._away(error)

    def _resting(self) -> bool:
        if time.monotonic() < self._rests_until:
            ALONE.inc()
            return True
        return False

    def _away(self, error: RedisError) -> None:
        logger.warning("limits_not_shared", extra={"reason": str(error)})
        ALONE.inc()
        self._rests_until = time.monotonic() + REST_SECONDS


class _Scripts:
    """Both scripts by one client, which sends them once and then names them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.take = client.register_script(_TAKE)
        self.give_back = client.register_script(_GIVE_BACK)


def _asked(taken: str, wishes: Sequence[Wish]) -> tuple[list[str], list[str | int]]:
    arguments: list[str | int] = [taken]
    for wish in wishes:
        arguments += [wish.amount, wish.limit, round(wish.seconds * 1000)]
    return [PREFIX + wish.name for wish in wishes], arguments


def _states(told: list[int], wishes: Sequence[Wish]) -> list[State]:
    return [
        State(told[3 * at], told[3 * at + 1] / 1000, told[3 * at + 2] / 1000)
        for at in range(len(wishes))
    ]


_TAKE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local told, refused = {}, false
for at, name in ipairs(KEYS) do
  local amount, limit, window =
    tonumber(ARGV[3 * at - 1]), tonumber(ARGV[3 * at]), tonumber(ARGV[3 * at + 1])
  local amounts = name .. ':amounts'
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', name, '-inf', now - window)) do
    redis.call('HINCRBY', amounts, 'used', -(redis.call('HGET', amounts, old) or 0))
    redis.call('HDEL', amounts, old)
  end
  redis.call('ZREMRANGEBYSCORE', name, '-inf', now - window)
  local used = tonumber(redis.call('HGET', amounts, 'used') or 0)
  local missing, wait, from = used + amount - limit, 0, 0
  while missing > 0 do
    local taken = redis.call('ZRANGE', name, from, from + 63, 'WITHSCORES')
    if #taken == 0 then wait, missing = window, 0 end
    for i = 1, #taken, 2 do
      missing = missing - (redis.call('HGET', amounts, taken[i]) or 0)
      if missing <= 0 then wait = taken[i + 1] + window - now break end
    end
    from = from + 64
  end
  refused = refused or wait > 0
  local last = redis.call('ZRANGE', name, -1, -1, 'WITHSCORES')
  told[3 * at - 2], told[3 * at - 1] = used, wait
  told[3 * at] = last[2] and last[2] + window - now or 0
end
if refused then return told end
for at, name in ipairs(KEYS) do
  local amount, window = tonumber(ARGV[3 * at - 1]), tonumber(ARGV[3 * at + 1])
  redis.call('ZADD', name, now, ARGV[1])
  redis.call('HSET', name .. ':amounts', ARGV[1], amount)
  redis.call('HINCRBY', name .. ':amounts', 'used', amount)
  redis.call('PEXPIRE', name, window)
  redis.call('PEXPIRE', name .. ':amounts', window)
  told[3 * at - 2], told[3 * at] = told[3 * at - 2] + amount, window
end
return told
"""

_GIVE_BACK: Final = """
for _, name in ipairs(KEYS) do
  local amounts = name .. ':amounts'
  local taken = tonumber(redis.call('HGET', amounts, ARGV[1]) or 0)
  local actual = tonumber(ARGV[2])
  if taken > actual then
    redis.call('HSET', amounts, ARGV[1], actual)
    redis.call('HINCRBY', amounts, 'used', actual - taken)
  end
end
"""
