"""Slots of blocks have as much as they need, and write nothing that others read."""

import random

import pytest
import torch

from inference.engines.local.kv import CacheShape
from inference.engines.local.paged import BLOCK, PagedCache

CPU = torch.device("cpu")
CONTEXT = 8 * BLOCK
SHAPE = CacheShape(layers=2, heads=3, width=4)


def cache_of(blocks: int, slots: int = 4) -> PagedCache:
    return PagedCache(SHAPE, slots, blocks, CONTEXT, torch.float32, CPU)


def some(tokens: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(2, 2, tokens, 3, 4, generator=torch.Generator().manual_seed(seed))


def where(cache: PagedCache, slot: int, tokens: int) -> list[int]:
    """As the device sees it."""
    cache.settle()
    return cache.places(torch.full((tokens,), slot), torch.arange(tokens)).tolist()


def test_a_slot_has_as_many_blocks_as_its_tokens_need() -> None:
    cache = cache_of(5)
    assert cache.extend(0, 0, 1)
    assert cache.blocks.free == 4
    assert cache.extend(0, 1, BLOCK)
    assert cache.blocks.free == 4
    assert cache.extend(0, BLOCK, BLOCK + 1)
    assert cache.blocks.free == 3
    places = where(cache, 0, 2 * BLOCK)
    assert len(set(places)) == 2 * BLOCK
    assert max(places) < 5 * BLOCK  # the spare one is nobody's


def test_too_little_changes_nothing() -> None:
    cache = cache_of(3)
    assert cache.extend(0, 0, 2 * BLOCK)
    assert not cache.extend(1, 0, 2 * BLOCK)
    assert cache.blocks.free == 1
    assert cache.extend(1, 0, BLOCK)
    cache.release(0)
    assert cache.extend(1, BLOCK, 3 * BLOCK)


def test_a_fork_shares_until_somebody_writes() -> None:
    cache, tokens = cache_of(6), BLOCK + 3
    cache.extend(0, 0, tokens)
    cache.put(0, 0, numbers := some(tokens))
    cache.fork(0, 1, tokens)
    cache.fork(0, 2, tokens)
    assert cache.blocks.free == 4
    assert where(cache, 1, tokens) == where(cache, 0, tokens)
    for slot in (0, 1):  # these write first; the last one has the block to itself then
        assert cache.extend(slot, tokens, tokens + 1)
    assert cache.blocks.free == 2
    assert cache.extend(2, tokens, tokens + 1)
    assert cache.blocks.free == 2
    for slot in range(3):
        cache.put(slot, tokens, some(1, seed=slot))
    for slot in range(3):
        assert torch.equal(cache.get(slot, 0, tokens), numbers)
        assert torch.equal(cache.get(slot, tokens, tokens + 1), some(1, seed=slot))
    assert len({tuple(where(cache, slot, BLOCK)) for slot in range(3)}) == 1
    assert len({where(cache, slot, tokens)[-1] for slot in range(3)}) == 3


def test_a_fork_that_finds_no_room_for_its_copy_waits() -> None:
    cache = cache_of(2)
    cache.extend(0, 0, 3)
    cache.fork(0, 1, 3)
    assert cache.extend(0, 3, 4)
    assert cache.extend(1, 3, 4)
    cache.release(0)
    cache.fork(1, 0, 4)
    cache.extend(2, 0, 1)
    assert not cache.extend(0, 4, 5)
    cache.release(2)
    assert cache.extend(0, 4, 5)


def test_whoever_leaves_gives_all_back_and_takes_nothing_of_others() -> None:
    cache = cache_of(6)
    cache.extend(0, 0, 2 * BLOCK + 2)
    cache.put(0, 0, numbers := some(2 * BLOCK + 2))
    cache.fork(0, 1, 2 * BLOCK + 2)
    cache.extend(1, 2 * BLOCK + 2, 2 * BLOCK + 3)
    cache.release(0)
    cache.release(0)
    assert cache.blocks.free == 3
    assert torch.equal(cache.get(1, 0, 2 * BLOCK + 2), numbers)
    cache.release(1)
    assert cache.blocks.free == 6


def test_what_is_wiped_is_the_slots_own() -> None:
    cache = cache_of(4)
    cache.extend(0, 0, BLOCK + 1)
    cache.put(0, 0, some(BLOCK + 1))
    kept = cache.keep(0, 0)
    cache.clear(0, BLOCK + 1)
    assert cache.get(0, 0, BLOCK).all()
    assert not cache.get(0, BLOCK, BLOCK + 1).any()
    cache.release(0)
    cache.reuse(1, 0, kept)
    assert torch.equal(cache.get(1, 0, BLOCK), some(BLOCK + 1)[:, :, :BLOCK])


def test_the_device_knows_where_everybody_is_whatever_has_happened() -> None:
    chance, cache = random.Random(2), cache_of(20)
    lengths = [0] * 4
    for _ in range(600):
        disturb(cache, lengths, chance)
        for slot, length in enumerate(lengths):
            host = [cache._own[slot][n // BLOCK] * BLOCK + n % BLOCK for n in range(length)]
            assert where(cache, slot, length) == host
    for slot in range(4):
        cache.release(slot)
    assert cache.blocks.free == 20


def disturb(cache: PagedCache, lengths: list[int], chance: random.Random) -> None:
    one, other = chance.sample(range(4), 2)
    turn = chance.randrange(4)
    if turn == 0:
        more = min(lengths[one] + chance.randint(1, 20), CONTEXT)
        if cache.extend(one, lengths[one], more):
            lengths[one] = more
    elif turn == 1:
        cache.swap(one, other, CONTEXT)
        lengths[one], lengths[other] = lengths[other], lengths[one]
    elif turn == 2:
        cache.release(one)
        lengths[one] = 0
    elif not lengths[other]:
        cache.fork(one, other, lengths[one])
        lengths[other] = lengths[one]


@pytest.mark.parametrize("tokens", [1, BLOCK, BLOCK + 1])
def test_room_is_counted_in_whole_blocks(tokens: int) -> None:
    cache = cache_of(3)
    needed = 1 + (tokens > BLOCK)
    assert cache.has_room(tokens, 0, 3 - needed)
    assert not cache.has_room(tokens, 0, 4 - needed)
