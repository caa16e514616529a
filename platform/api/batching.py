"""Many askers, one statement: what waits while batches are away goes out together.

Nobody waits for a timer. An idle road sends a single item at once; a busy one fills its batches by
itself, so that a hot row is locked once a batch and not once a call.
"""

import asyncio
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from prometheus_client import Histogram

from api.database import UNREACHABLE
from api.errors import DatabaseUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Send = Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Answer]]]

LARGEST_BATCH = 32
AT_ONCE = 2  # one batch works while the other waits for the disk
SIZES = Histogram(
    "batch_size", "Calls that one statement answered.", ["road"], buckets=(1, 2, 4, 8, 16, 32)
)


def waiting() -> Counter[str]:
    """How many items of this process wait for their batch, by road."""
    found = Counter[str]()
    for batcher in _batchers:
        found[batcher.road] += batcher.waiting
    return found


class Batcher(Generic[Item, Answer]):
    """`ask(item)` gives a future of its answer. Belongs to one event loop; `road` is its name for
    operators."""

    def __init__(self, send: Send[Item, Answer], road: str) -> None:
        self.road = road
        self._send = send
        self._sizes = SIZES.labels(road)
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._away: set[asyncio.Task[None]] = set()
        _batchers.add(self)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def ask(self, item: Item) -> "asyncio.Future[Answer]":
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._away) < AT_ONCE:
            self._away.add(asyncio.create_task(self._drain()))
        return future

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is away."""
        while self._away:
            await asyncio.wait(self._away)

    async def _drain(self) -> None:
        try:
            while batch := self._waiting[:LARGEST_BATCH]:
                del self._waiting[:LARGEST_BATCH]
                self._sizes.observe(len(batch))
                await self._deliver(batch)
        finally:  # in the same step that found nothing waiting, so that no asker is overlooked
            self._away = {task for task in self._away if task is not asyncio.current_task()}

    async def _deliver(self, batch: Sequence[tuple[Item, "asyncio.Future[Answer]"]]) -> None:
        """Give every asker an answer or an error; a batch that one item spoils is sent singly."""
        try:
            answers = await self._send([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
            await self._failed(batch, error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _failed(
        self, batch: Sequence[tuple[Item, "asyncio.Future[Answer]"]], error: Exception
    ) -> None:
        if len(batch) > 1 and not _concerns_all(error):
            for one in batch:
                await self._deliver([one])
            return
        for _, future in batch:
            if not future.done():
                future.set_exception(error)


_batchers: "weakref.WeakSet[Batcher[Any, Any]]" = weakref.WeakSet()


def _concerns_all(error: Exception) -> bool:
    """A lost database does. Anything else may be one item's doing, a lock that it waits for too."""
    return isinstance(error, DatabaseUnavailable) and error.message == UNREACHABLE
