"""Sliding windows in Redis, one for all web processes: a script takes from them, or refuses.

Of a window a sorted set has what was taken when, and a hash beside it how much. Redis's own clock
counts. While Redis is away nobody is kept waiting for it: answers are None, and a metric says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter

from api.sharing import RedisAway
from api.windows import State, Wish

if TYPE_CHECKING:
    from api.redis_road import Road

PREFIX: Final = "smarter:limits:"
ALONE: Final = Counter("rate_limits_alone", "Calls that one process counted alone: Redis was away.")


@dataclass(frozen=True, slots=True)
class SharedWindows:
    """Several wishes are granted together, or none of them."""

    road: "Road"

    def take(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        """For threads; `taken` is a new id, by which it can be given back."""
        try:
            told = self.road.ask("EVAL", _TAKE, len(wishes), *_asked(taken, wishes))
        except RedisAway:
            ALONE.inc()
            return None
        return _states(told, wishes)

    async def atake(self, taken: str, wishes: Sequence[Wish]) -> list[State] | None:
        try:
            told = await self.road.aask("EVAL", _TAKE, len(wishes), *_asked(taken, wishes))
        except RedisAway:
            ALONE.inc()
            return None
        return _states(told, wishes)

    def give_back(self, taken: str, names: Sequence[str], actual: int) -> None:
        """All but `actual`; in an event loop soon. What gets lost only counts until it is old."""
        places = (PREFIX + name for name in names)
        self.road.send("EVAL", _GIVE_BACK, len(names), *places, taken, actual)


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
