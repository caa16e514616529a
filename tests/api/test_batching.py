"""What waits while batches are away goes out together, and one bad item harms no other."""

import asyncio
from collections.abc import Sequence

import pytest

from api.batching import AT_ONCE, LARGEST_BATCH, MOST_APART, Batcher
from api.database import BUSY, UNREACHABLE
from api.errors import DatabaseUnavailable


class Road:
    """A `send` that notes its batches and doubles numbers; it refuses negative ones."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.down = False

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0.01)
        if self.down:
            raise DatabaseUnavailable(UNREACHABLE)
        if min(items) < 0:
            raise ValueError(min(items))
        return [2 * item for item in items]


async def test_a_single_item_goes_at_once_and_late_comers_go_together() -> None:
    road = Road()
    batcher = Batcher(road.send, "road")
    asked = []
    for number in range(AT_ONCE):
        asked.append(batcher.ask(number))
        await asyncio.sleep(0)
    asked += [batcher.ask(number) for number in (7, 8, 9)]
    assert await asyncio.gather(*asked) == [*(2 * n for n in range(AT_ONCE)), 14, 16, 18]
    assert road.batches == [*([n] for n in range(AT_ONCE)), [7, 8, 9]]


async def test_batches_have_a_largest_size_and_keep_their_order() -> None:
    road = Road()
    batcher = Batcher(road.send, "road")
    count = LARGEST_BATCH * AT_ONCE + 5
    answers = await asyncio.gather(*(batcher.ask(n) for n in range(count)))
    assert answers == [2 * n for n in range(count)]
    assert [len(batch) for batch in road.batches] == [LARGEST_BATCH] * AT_ONCE + [5]
    assert [n for batch in road.batches for n in batch] == list(range(count))


async def test_a_bad_item_fails_alone() -> None:
    road = Road()
    batcher = Batcher(road.send, "road")
    answers = await asyncio.gather(*map(batcher.ask, (1, -1, 2)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["2", "-1", "4"]
    assert road.batches == [[1, -1, 2], [1, -1, 2], [1], [-1], [2]]  # once more, off the road


async def test_a_group_whose_row_is_locked_keeps_no_other_waiting() -> None:
    """Sixes wait for a lock; whoever asks beside them is answered, and so are they when it goes."""
    locked, batches = True, []

    async def send(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        await asyncio.sleep(0.01)
        if locked and 6 in items:
            raise DatabaseUnavailable(BUSY)
        return items

    batcher = Batcher(send, "road", str)
    sixes = [batcher.ask(6), batcher.ask(6), batcher.ask(1)]
    assert await sixes[2] == 1
    later = [batcher.ask(6), batcher.ask(2)]
    assert await later[1] == 2
    told = await asyncio.gather(*sixes[:2], later[0], return_exceptions=True)
    assert [type(each) for each in told] == [DatabaseUnavailable] * 3
    assert batches.count([6, 6]) == 1  # nobody asks for each of them once more
    locked = False
    assert [await batcher.ask(6), await batcher.ask(3)] == [6, 3]
    await batcher.idle()
    assert batcher.waiting == 0


async def test_a_database_too_busy_for_many_groups_is_told_to_those_beyond_some() -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0.01)
        if len(items) > 1:
            raise DatabaseUnavailable(BUSY)
        return items

    batcher = Batcher(send, "road", str)
    answers = await asyncio.gather(*map(batcher.ask, range(20)), return_exceptions=True)
    assert answers[:MOST_APART] == [*range(MOST_APART)]
    assert {type(answer) for answer in answers[MOST_APART:]} == {DatabaseUnavailable}


async def test_a_lost_database_is_told_to_all_at_once() -> None:
    road = Road()
    road.down = True
    batcher = Batcher(road.send, "road")
    answers = await asyncio.gather(*map(batcher.ask, (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert road.batches == [[1, 2]]
    road.down = False
    assert await batcher.ask(3) == 6


async def test_who_left_does_not_disturb_the_others() -> None:
    batcher = Batcher(Road().send, "road")
    gone, stays = batcher.ask(1), batcher.ask(2)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_who_asks_when_the_last_batch_comes_back_is_not_overlooked() -> None:
    batcher = Batcher(Road().send, "road")

    async def ask_again_and_again(number: int) -> int:
        return sum([await batcher.ask(number) for _ in range(20)])

    async with asyncio.timeout(10):
        answers = await asyncio.gather(*map(ask_again_and_again, range(AT_ONCE)))
    assert answers == [40 * number for number in range(AT_ONCE)]


async def test_idle_waits_for_all_that_is_under_way() -> None:
    road = Road()
    batcher = Batcher(road.send, "road")
    asked = [batcher.ask(n) for n in range(LARGEST_BATCH + 1)]
    await batcher.idle()
    assert all(future.done() for future in asked)
    await batcher.idle()
