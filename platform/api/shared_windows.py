"""Sliding windows in Redis, one for all web processes: a script takes from them, or refuses.

Of a window a sorted set has what was taken when, and a hash beside it how much. Redis's own clock
counts. While Redis is away nobody is kept waiting for it: answers are None, and a metric says so.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Sequence
from typing import Any, Final

from prometheus_client import Counter
from redis import Redis
from redis import asyncio as of_loops
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from api.windows import State, Wish

PREFIX: Final = "smarter:limits:"
PATIENCE: Final = 0.5  # seconds for an answer
REST_SECONDS: Final = 2.0  # after a failure
AT_ONCE: Final = 256  # questions that go out together
_PATIENT: Final[dict[str, Any]] = {
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
}
ALONE = Counter("rate_limits_alone", "Calls that one process counted alone: Redis was away.")
logger = logging.getLogger(__name__)


class SharedWindows:
    """Of one process. Several wishes are granted together, or none of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._blocking = Redis.from_url(url, retry=Retry(NoBackoff(), 1), **_PATIENT)
        self._roads: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Road]
        self._roads = weakref.WeakKeyDictionary()
        self._rests_until = 0.0

    def take(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        """For threads; `taken` is a new id, by which it can be given back."""
        if self._resting():
            return None
        try:
            told: Any = self._blocking.eval(_TAKE, len(wishes), *_asked(taken, wishes))
        except RedisError as error:
            self._away(error)
            return None
        return _states(told, wishes)

    async def atake(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        if self._resting():
            return None
        try:
            told = await self._road().ask(_TAKE, len(wishes), _asked(taken, wishes))
        except RedisError as error:
            self._away(error)
            return None
        return _states(told, wishes)

    def give_back(self, taken: str, names: Sequence[str], actual: int) -> None:
        """All but `actual`; in an event loop soon. What gets lost only counts until it is old."""
        arguments: list[str | int] = [*(PREFIX + name for name in names), taken, actual]
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            try:
                self._blocking.eval(_GIVE_BACK, len(names), *arguments)
            except RedisError as error:
                self._away(error)
        else:
            given = self._road().ask(_GIVE_BACK, len(names), arguments)
            given.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def close(self) -> None:
        """An event loop's last act."""
        if road := self._roads.pop(asyncio.get_running_loop(), None):
            await road.close()

    def _road(self) -> "_Road":
        loop = asyncio.get_running_loop()
        if loop not in self._roads:
            self._roads[loop] = _Road(self._url)
        return self._roads[loop]

    def _resting(self) -> bool:
        if time.monotonic() < self._rests_until:
            ALONE.inc()
            return True
        return False

    def _away(self, error: RedisError) -> None:
        logger.warning("limits_not_shared", extra={"reason": str(error)})
        ALONE.inc()
        self._rests_until = time.monotonic() + REST_SECONDS


class _Road:
    """An event loop's one connection: what comes while an answer is awaited goes out together."""

    def __init__(self, url: str) -> None:
        retry = of_loops.retry.Retry(NoBackoff(), 1)
        self._redis = of_loops.Redis.from_url(url, retry=retry, **_PATIENT)
        self._waiting: list[tuple[asyncio.Future[Any], str, int, list[str | int]]] = []
        self._sending: asyncio.Task[None] | None = None

    def ask(self, script: str, keys: int, arguments: list[str | int]) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        self._waiting.append((answer := loop.create_future(), script, keys, arguments))
        if self._sending is None:
            self._sending = loop.create_task(self._send())
        return answer

    async def close(self) -> None:
        if self._sending is not None:
            await self._sending
        await self._redis.aclose()

    async def _send(self) -> None:
        while together := self._waiting[:AT_ONCE]:
            del self._waiting[:AT_ONCE]
            told = await self._told(together)
            for (answer, *_), result in zip(together, told, strict=True):
                if answer.done():
                    continue
                if isinstance(result, RedisError):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)
        self._sending = None

    async def _told(self, together: Sequence[tuple[Any, str, int, list[str | int]]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for _, script, keys, arguments in together:
            pipe.eval(script, keys, *arguments)
        try:
            return await pipe.execute(raise_on_error=False)
        except RedisError as error:
            return [error] * len(together)


def _asked(taken: str, wishes: Sequence[Wish]) -> list[str | int]:
    asked: list[str | int] = [PREFIX + wish.name for wish in wishes]
    asked.append(taken)
    for wish in wishes:
        asked += [wish.amount, wish.limit, round(wish.seconds * 1000)]
    return asked


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
    local gone = redis.call('HGET', amounts, old) or 0
    redis.call('HINCRBY', amounts, 'used', 0 - gone)  -- never '-0', which is no integer
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
