"""The same news over all web processes, by one channel of Redis."""

import asyncio
import json
import logging
from dataclasses import asdict
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chatbots.consumers.tabs import Asked, Tabs

CHANNEL: Final = "smarter:chat"
AGAIN_SECONDS: Final = 1.0  # between attempts to reach Redis
logger = logging.getLogger(__name__)


class RedisTabs(Tabs):
    """While Redis is away, only this process's connections hear; who hears again looks what it has
    missed."""

    def __init__(self, redis: "Redis") -> None:
        super().__init__()
        self._redis = redis
        self._hearing = asyncio.create_task(self._hear())

    async def tell(self, news: Asked) -> None:
        try:
            await self._redis.publish(CHANNEL, json.dumps(asdict(news)))
        except RedisError:
            logger.warning("tabs_not_reached")
            self.pass_on(news)

    async def close(self) -> None:
        await super().close()
        self._hearing.cancel()
        await asyncio.wait([self._hearing])
        await self._redis.aclose()

    async def _hear(self) -> None:
        while True:
            try:
                await self._listen()
            except RedisError:
                logger.warning("tabs_not_heard")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    self.look()
                elif message["type"] == "message":
                    self.pass_on(Asked(**json.loads(message["data"])))


def connect(url: str) -> RedisTabs:
    # Once more at once: of a Redis that was started anew every connection is dead.
    return RedisTabs(Redis.from_url(url, retry=Retry(NoBackoff(), 1)))
