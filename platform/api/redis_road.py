"""The road to Redis that all counting goes: nobody waits on it for long, or twice in a while."""

import asyncio
import logging
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from prometheus_client import Gauge
from redis import Redis
from redis import asyncio as of_loops
from redis.asyncio.retry import Retry as RetryOfLoops
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from api.sharing import RedisAway

PATIENCE: Final = 0.5  # seconds for an answer
REST_SECONDS: Final = 2.0  # after a failure
AT_ONCE: Final = 256  # questions that go out together
_PATIENT: Final[dict[str, Any]] = {
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
}
AWAY: Final = Gauge("redis_away", "1 while this process counts alone: Redis does not answer.")
logger = logging.getLogger(__name__)

Word = str | int
"""Of a command of Redis."""


class Road:
    """Of one process. After a failure all rest for a while: they raise RedisAway at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._blocking = Redis.from_url(url, retry=Retry(NoBackoff(), 1), **_PATIENT)
        self._lanes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane]
        self._lanes = weakref.WeakKeyDictionary()
        self._rests_until = 0.0
        self._away = False

    def ask(self, *command: Word) -> Any:
        """For threads. Raises RedisAway."""
        self._require_awake()
        try:
            answer: Any = self._blocking.execute_command(*command)  # type: ignore[no-untyped-call] # untyped there
        except RedisError as error:
            raise self._lost(error) from error
        self._found()
        return answer

    async def aask(self, *command: Word) -> Any:
        """Raises RedisAway."""
        self._require_awake()
        try:
            answer = await self._lane().ask(command)
        except RedisError as error:
            raise self._lost(error) from error
        self._found()
        return answer

    def send(self, *command: Word) -> None:
        """In an event loop soon, after what was asked before. Whether it arrives, nobody learns."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with suppress(RedisAway):
                self.ask(*command)
        else:
            sent = self._lane().ask(command)
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def answers(self) -> bool:
        """Does Redis answer now?"""
        try:
            await self.aask("PING")
        except RedisAway:
            return False
        return True

    async def close(self) -> None:
        if lane := self._lanes.pop(asyncio.get_running_loop(), None):
            await lane.close()

    def _lane(self) -> "_Lane":
        loop = asyncio.get_running_loop()
        if loop not in self._lanes:
            self._lanes[loop] = _Lane(self._url)
        return self._lanes[loop]

    def _require_awake(self) -> None:
        if time.monotonic() < self._rests_until:
            raise RedisAway

    def _lost(self, error: RedisError) -> RedisAway:
        self._rests_until = time.monotonic() + REST_SECONDS
        if not self._away:
            self._away = True
            AWAY.set(1)
            logger.warning("redis_away", extra={"reason": str(error)})
        return RedisAway(str(error))

    def _found(self) -> None:
        if self._away:
            self._away = False
            AWAY.set(0)
            logger.warning("redis_back")


class _Lane:
    """An event loop's one connection: what comes while an answer is awaited goes out together."""

    def __init__(self, url: str) -> None:
        retry = RetryOfLoops(NoBackoff(), 1)
        self._redis = of_loops.Redis.from_url(url, retry=retry, **_PATIENT)
        self._waiting: list[tuple[asyncio.Future[Any], tuple[Word, ...]]] = []
        self._sending: asyncio.Task[None] | None = None

    def ask(self, command: tuple[Word, ...]) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        self._waiting.append((answer := loop.create_future(), command))
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
            told = await self._told([command for _, command in together])
            for (answer, _), result in zip(together, told, strict=True):
                if answer.done():
                    continue
                if isinstance(result, RedisError):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)
        self._sending = None

    async def _told(self, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        try:
            return await pipe.execute(raise_on_error=False)
        except RedisError as error:
            return [error] * len(commands)
