"""Many askers, one statement: what waits while batches are away goes out together.

Nobody waits for a timer. An idle road sends a single item at once; a busy one fills its batches by
itself, so that a hot row is locked once a batch and not once a call. A batch that fails goes apart
by its groups, organisations: one whose row stays locked keeps nobody else waiting.
"""

import asyncio
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from prometheus_client import Histogram

from api.database import BUSY
from api.errors import DatabaseUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_Asked: TypeAlias = tuple[Item, asyncio.Future[Answer]]
Send = Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Answer]]]

LARGEST_BATCH = 32
AT_ONCE = 2  # one batch works while the other waits for the disk
MOST_APART = 8  # groups; with more of them it is the database that does not get on
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
    operators, `group_of` says whose an item is."""

    def __init__(
        self,
        send: Send[Item, Answer],
        road: str,
        group_of: Callable[[Item], str] = lambda _item: "",
    ) -> None:
        self.road = road
        self._send = send
        self._group_of = group_of
        self._sizes = SIZES.labels(road)
        self._waiting: list[_Asked[Item, Answer]] = []
        self._apart: dict[str, list[_Asked[Item, Answer]]] = {}
        self._away: set[asyncio.Task[None]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        _batchers.add(self)

    @property
    def waiting(self) -> int:
        return len(self._waiting) + sum(map(len, self._apart.values()))

    def ask(self, item: Item) -> "asyncio.Future[Answer]":
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._apart and (lane := self._apart.get(self._group_of(item))) is not None:
            lane.append((item, future))
            return future
        self._waiting.append((item, future))
        if len(self._away) < AT_ONCE:
            self._away.add(asyncio.create_task(self._drain()))
        return future

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is away."""
        while tasks := self._away | self._aside:
            await asyncio.wait(tasks)

    async def _drain(self) -> None:
        try:
            while batch := _taken(self._waiting):
                self._sizes.observe(len(batch))
                if error := await self._spoiled(batch):
                    self._set_apart(batch, error)
        finally:  # in the same step that found nothing waiting, so that no asker is overlooked
            self._away = {task for task in self._away if task is not asyncio.current_task()}

    async def _spoiled(self, batch: Sequence[_Asked[Item, Answer]]) -> Exception | None:
        """Give every asker an answer; None where that went well."""
        try:
            answers = await self._send([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
            return error
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        return None

    def _set_apart(self, batch: Sequence[_Asked[Item, Answer]], error: Exception) -> None:
        """Each group goes on by itself, off the road."""
        if len(batch) == 1 or _concerns_all(error):
            _tell(batch, error)
            return
        for asked in batch:
            group = self._group_of(asked[0])
            if group in self._apart:
                self._apart[group].append(asked)
            elif len(self._apart) < MOST_APART:
                self._apart[group] = [asked]
                self._aside.add(task := asyncio.create_task(self._go_apart(group)))
                task.add_done_callback(self._aside.discard)
            else:
                _tell([asked], error)

    async def _go_apart(self, group: str) -> None:
        """Until nobody of the group waits. Where the database is too busy for it, all are told;
        else one item has spoiled the batch, and they are sent singly."""
        lane = self._apart[group]
        try:
            while batch := _taken(lane):
                error = await self._spoiled(batch)
                if isinstance(error, DatabaseUnavailable):
                    _tell([*batch, *_taken(lane, len(lane))], error)
                elif error:
                    for one in batch:
                        if failed := await self._spoiled([one]):
                            _tell([one], failed)
        finally:
            del self._apart[group]


def _taken(
    waiting: list[_Asked[Item, Answer]], most: int = LARGEST_BATCH
) -> list[_Asked[Item, Answer]]:
    batch = waiting[:most]
    del waiting[:most]
    return batch


def _tell(batch: Sequence[_Asked[Item, Answer]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


_batchers: "weakref.WeakSet[Batcher[Any, Any]]" = weakref.WeakSet()


def _concerns_all(error: Exception) -> bool:
    """A lost or full database does. Anything else may be one group's doing: a lock it waits for."""
    return isinstance(error, DatabaseUnavailable) and error.message != BUSY
