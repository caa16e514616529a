"""How many of something may be open at once, as sockets of one key: over all web processes.

Each process knows its own exactly. With Redis each tells the others, in a hash for every place: how
many of it are whose. A process that says nothing for LEASE_SECONDS has gone, and its count with it.
While Redis is away, each process counts alone.
"""

import asyncio
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from api import sharing
from api.sharing import RedisAway

if TYPE_CHECKING:
    from api.redis_road import Road

PREFIX: Final = "smarter:open:"
LEASE_SECONDS: Final = 30
RENEW_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 7200  # what nobody took or told anew for so long
ANEW_SECONDS: Final = 3600.0
_GRANTED: Final = 1
_UNKNOWN: Final = -1  # Redis does not know this process (any more)


async def take(place: str, most: int) -> Callable[[], None] | None:
    """One more of `place`, if there are fewer than `most`; the answer gives it back, once."""
    counts = _of_this_loop()
    if not await counts.take(place, most):
        return None
    given = False

    def give_back() -> None:
        nonlocal given
        if not given:
            given = True
            counts.give_back(place)

    return give_back


def of_this_process(prefix: str) -> int:
    """How many are open here, of all places that begin so."""
    found = _loops.get(asyncio.get_running_loop())
    return sum(n for place, n in found.open.items() if place.startswith(prefix)) if found else 0


async def close() -> None:
    """An event loop's last act."""
    if found := _loops.pop(asyncio.get_running_loop(), None):
        await found.close()


_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Counts]"
_loops = weakref.WeakKeyDictionary()


def _of_this_loop() -> "_Counts":
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        road = sharing.road()
        _loops[loop] = _SharedCounts(road) if road else _Counts()
    return _loops[loop]


class _Counts:
    def __init__(self) -> None:
        self.open: Counter[str] = Counter()

    async def take(self, place: str, most: int) -> bool:
        if self.open[place] >= most:
            self._forget_empty(place)
            return False
        self.open[place] += 1
        return True

    def give_back(self, place: str) -> None:
        self.open[place] -= 1
        self._forget_empty(place)

    async def close(self) -> None:
        """Only what is open here goes on to be counted."""

    def _forget_empty(self, place: str) -> None:
        if not self.open[place]:
            del self.open[place]


class _SharedCounts(_Counts):
    """What it tells is always how many there are, never how many more: to say it twice, or late,
    does no harm. Whatever Redis may have missed, it is told under a new name."""

    def __init__(self, road: "Road") -> None:
        super().__init__()
        self._road = road
        self._name = ""
        self._told_at = 0.0
        self._missed = self._closed = False
        self._introducing = asyncio.Lock()
        self._queues: weakref.WeakValueDictionary[str, asyncio.Lock]
        self._queues = weakref.WeakValueDictionary()
        self._work: set[asyncio.Task[None]] = set()
        self._later(self._stay())

    async def take(self, place: str, most: int) -> bool:
        # One by one: who may still be refused must not count against the next.
        async with self._queues.setdefault(place, asyncio.Lock()):
            if not await super().take(place, most):
                return False
            granted = False
            try:
                granted = await self._grant(place, most)
            finally:
                if not granted:
                    self.give_back(place)
            return granted

    def give_back(self, place: str) -> None:
        super().give_back(place)
        if not self._closed:
            self._later(self._tell(place))

    async def close(self) -> None:
        self._closed = True
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        with suppress(RedisAway):
            await self._road.aask("DEL", _process(self._name))

    async def _grant(self, place: str, most: int) -> bool:
        try:
            while True:
                name, mine = self._name, self.open[place]
                told = await self._road.aask(
                    "EVAL", _TAKE, 2, PREFIX + place, _process(name), name, mine, most
                )
                if told != _UNKNOWN:
                    return bool(told == _GRANTED)
                await self._introduce(name)
        except RedisAway:
            self._missed = True
            return True

    async def _tell(self, place: str) -> None:
        try:
            await self._road.aask(
                "EVAL", _TELL, 1, PREFIX + place, self._name, self.open.get(place, 0)
            )
        except RedisAway:
            self._missed = True

    async def _stay(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            is_old = loop.time() - self._told_at > ANEW_SECONDS
            with suppress(RedisAway):
                known = await self._road.aask("EXPIRE", _process(self._name), LEASE_SECONDS)
                if self._missed or is_old or not known:
                    await self._introduce(self._name)

    async def _introduce(self, before: str) -> None:
        """As a new one, with all that is open. Raises RedisAway."""
        async with self._introducing:
            if self._name != before:
                return  # somebody was faster
            await self._road.aask("DEL", _process(before))
            self._name, self._missed = uuid4().hex, False
            self._told_at = asyncio.get_running_loop().time()
            await self._road.aask("SET", _process(self._name), 1, "EX", LEASE_SECONDS)
            await asyncio.gather(*(self._tell(place) for place in self.open))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        self._work.add(task := asyncio.create_task(work))
        task.add_done_callback(self._work.discard)


def _process(name: str) -> str:
    return f"{PREFIX}process {name}"


_TELL: Final = f"""
if tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], {KEPT_SECONDS})
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
"""
_TAKE: Final = f"""
if redis.call('EXISTS', KEYS[2]) == 0 then return {_UNKNOWN} end
local told, others = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #told, 2 do
  if told[i] ~= ARGV[1] then
    if redis.call('EXISTS', '{PREFIX}process ' .. told[i]) == 1 then
      others = others + told[i + 1]
    else
      redis.call('HDEL', KEYS[1], told[i])
    end
  end
end
if others + ARGV[2] > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], {KEPT_SECONDS})
return {_GRANTED}
"""
