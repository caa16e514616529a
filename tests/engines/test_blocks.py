"""Blocks are counted: none is given away twice, none is lost, whoever shares or keeps it."""

import random
from collections import Counter

import pytest

from inference.engines.local.blocks import Blocks, WrongHands


def test_what_is_given_back_is_given_away_again_wherever_it_lies() -> None:
    blocks = Blocks(6)
    taken = [blocks.take() for _ in range(6)]
    assert sorted(taken) == list(range(6))
    with pytest.raises(IndexError):
        blocks.take()
    for block in (taken[1], taken[4]):  # holes, of which neither is beside the other
        blocks.leave(block)
    assert {blocks.take(), blocks.take()} == {taken[1], taken[4]}


def test_a_shared_block_is_free_when_the_last_one_leaves() -> None:
    blocks = Blocks(1)
    block = blocks.take()
    blocks.share(block)
    assert not blocks.is_own(block)
    blocks.leave(block)
    assert blocks.is_own(block)
    assert blocks.available == 0
    blocks.leave(block)
    assert blocks.free == 1


def test_a_kept_block_is_idle_until_it_is_used_again_or_let_go() -> None:
    blocks = Blocks(1)
    block = blocks.take()
    blocks.keep(block)
    assert not blocks.is_own(block)  # so nobody writes there any more
    blocks.leave(block)
    assert (blocks.free, blocks.idle, blocks.available) == (0, 1, 1)
    blocks.share(block)
    assert blocks.available == 0
    blocks.let_go(block)
    assert blocks.free == 0
    blocks.leave(block)
    assert blocks.free == 1


def test_nothing_is_given_back_twice_or_by_somebody_who_has_it_not() -> None:
    blocks = Blocks(2)
    block = blocks.take()
    blocks.keep(block)
    for wrong in (blocks.keep, lambda _: blocks.share(1), lambda _: blocks.leave(1)):
        with pytest.raises(WrongHands):
            wrong(block)
    blocks.leave(block)
    with pytest.raises(WrongHands):
        blocks.leave(block)
    blocks.let_go(block)
    with pytest.raises(WrongHands):
        blocks.let_go(block)
    assert blocks.free == 2


def test_a_thousand_turns_leave_nothing_behind() -> None:
    chance, blocks = random.Random(8), Blocks(12)
    users: Counter[int] = Counter()
    kept: set[int] = set()
    for _ in range(4000):
        turn = chance.randrange(5)
        used = [block for block, count in users.items() if count]
        if turn == 0 and blocks.free:
            block = blocks.take()
            assert not users[block]
            assert block not in kept
            users[block] += 1
        elif turn == 1 and (some := [*used, *kept]):
            blocks.share(block := chance.choice(some))
            users[block] += 1
        elif turn == 2 and used:
            blocks.leave(block := chance.choice(used))
            users[block] -= 1
        elif turn == 3 and (own := [block for block in used if block not in kept]):
            blocks.keep(block := chance.choice(own))
            kept.add(block)
        elif turn == 4 and kept:
            blocks.let_go(block := chance.choice(sorted(kept)))
            kept.discard(block)
        idle = sum(not users[block] for block in kept)
        held = len(kept | {block for block, count in users.items() if count})
        assert (blocks.idle, blocks.free) == (idle, 12 - held)
