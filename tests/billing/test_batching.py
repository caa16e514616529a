"""What waits while a batch is away goes out together, and one bad item harms no other."""

import asyncio
from collections.abc import Sequence

import pytest

from api.errors import DatabaseUnavailable
from billing.batching import LARGEST_BATCH, Batcher


class Road:
    """A `send` that notes its batches and doubles numbers; it refuses negative ones."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.down = False

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0.01)
        if self.down:
            raise DatabaseUnavailable("away")
        if min(items) < 0:
            raise ValueError(min(items))
        return [2 * item for item in items]


async def test_a_single_item_goes_at_once_and_the_others_follow_together() -> None:
    road = Road()
    batcher = Batcher(road.send)
    first = batcher.ask(1)
    await asyncio.sleep(0)
    rest = [batcher.ask(n) for n in (2, 3, 4)]
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert road.batches == [[1], [2, 3, 4]]


async def test_batches_have_a_largest_size_and_keep_their_order() -> None:
    road = Road()
    batcher = Batcher(road.send)
    answers = await asyncio.gather(*(batcher.ask(n) for n in range(LARGEST_BATCH + 5)))
    assert answers == [2 * n for n in range(LARGEST_BATCH + 5)]
    assert [len(batch) for batch in road.batches] == [LARGEST_BATCH, 5]


async def test_a_bad_item_fails_alone() -> None:
    road = Road()
    batcher = Batcher(road.send)
    answers = await asyncio.gather(*map(batcher.ask, (1, -1, 2)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["2", "-1", "4"]
    assert road.batches == [[1, -1, 2], [1], [-1], [2]]


async def test_a_lost_database_is_told_to_all_at_once() -> None:
    road = Road()
    road.down = True
    batcher = Batcher(road.send)
    answers = await asyncio.gather(*map(batcher.ask, (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert road.batches == [[1, 2]]
    road.down = False
    assert await batcher.ask(3) == 6


async def test_who_left_does_not_disturb_the_others() -> None:
    batcher = Batcher(Road().send)
    gone, stays = batcher.ask(1), batcher.ask(2)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_idle_waits_for_all_that_is_under_way() -> None:
    road = Road()
    batcher = Batcher(road.send)
    asked = [batcher.ask(n) for n in range(LARGEST_BATCH + 1)]
    await batcher.idle()
    assert all(future.done() for future in asked)
    await batcher.idle()
