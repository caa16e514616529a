"""Prompts that begin like an earlier one of their tenant are not computed twice, and say so."""

from pathlib import Path

import pytest
import torch

from inference.engines.base import GenerationRequest, SamplingParams
from inference.engines.local import kv
from inference.engines.local.adapters import AdapterShelf
from inference.engines.local.blocks import Blocks
from inference.engines.local.client import LocalEngine
from inference.engines.local.paged import PagedCache
from inference.engines.local.sequences import Echo, Submission
from tests.engines.small_adapters import make_adapter
from tests.engines.small_models import GREEDY, Desk, reference, shapes

BLOCK = 8
BLOCK_BYTES = BLOCK * 3 * 2 * 2 * 12 * 4  # layers, keys and values, heads, width, bytes
LONG = [n * 7 % 150 for n in range(60)]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kv, "PIECE", BLOCK)


def desk_of(blocks: int, shape: str = "llama") -> Desk:
    return Desk(shape, prefix_bytes=blocks * BLOCK_BYTES * 40)


def cached(desk: Desk, prompt: list[int], tenant: str = "") -> int:
    submission = desk.submit(prompt, tenant=tenant, max_tokens=1)
    desk.run()
    return submission.cached


@pytest.mark.parametrize("shape", shapes())
def test_the_answer_is_the_same_and_only_the_rest_is_computed(shape: str) -> None:
    desk, other = desk_of(100, shape), [*LONG[:30], *range(20)]
    assert desk.complete(LONG) == Desk(shape).complete(LONG)
    again = desk.submit(other)
    desk.steps.admit(desk.waiting)
    events, computed = desk.steps.step()
    desk.events += events.tokens
    desk.run()
    assert again.cached == 24
    assert computed == len(other) - 24
    assert desk.tokens(again) == Desk(shape).complete(other)


def test_the_last_token_is_always_computed() -> None:
    desk = desk_of(100)
    assert [cached(desk, LONG[:16]) for _ in range(2)] == [0, 8]
    assert [cached(desk, LONG[:17]) for _ in range(2)] == [16, 16]


def test_nobody_is_faster_for_what_another_tenant_asked() -> None:
    desk = desk_of(100)
    assert cached(desk, LONG, "ada") == 0
    assert cached(desk, LONG, "mallory") == 0
    assert cached(desk, LONG, "ada") == 56


def test_an_adapter_has_beginnings_of_its_own(tmp_path: Path) -> None:
    desk = desk_of(100)
    make_adapter(reference("llama"), tmp_path / "own", 1)
    adapter = AdapterShelf(tmp_path, reference("llama")).get("own")
    cached(desk, LONG)
    asked = [Submission(LONG, GREEDY, 1, adapter=adapter) for _ in range(2)]
    for each in asked:
        desk.waiting.put(each)
        desk.run()
    assert [each.cached for each in asked] == [0, 56]


def test_what_was_used_longest_ago_leaves_and_ends_leave_before_beginnings() -> None:
    desk = Desk(prefix_bytes=7 * BLOCK_BYTES)
    kept = desk.steps._prefixes
    cached(desk, LONG)
    assert len(kept) == 7
    cached(desk, [140, *LONG[:23]])
    assert len(kept) == 7
    assert cached(desk, LONG) == 32
    assert cached(desk, [140, *LONG[:23]]) == 0


def test_without_room_nothing_is_kept() -> None:
    desk = Desk()
    assert [cached(desk, LONG) for _ in range(2)] == [0, 0]


def test_an_echoed_prompt_is_computed_whole_for_its_own_probabilities() -> None:
    desk = desk_of(100)
    cached(desk, LONG)
    sampling = SamplingParams(temperature=0, logprobs=True)
    asked = Submission(LONG, sampling, 1, echo=Echo(None))
    desk.waiting.put(asked)
    desk.run()
    assert asked.cached == 0


def test_broken_numbers_are_not_kept() -> None:
    desk = desk_of(100)
    embeddings = desk.runner.model.get_input_embeddings()
    assert isinstance(embeddings, torch.nn.Embedding)
    whole = embeddings.weight.data.clone()
    embeddings.weight.data[LONG[3]] = torch.nan
    assert cached(desk, LONG) == 0
    embeddings.weight.data.copy_(whole)
    assert cached(desk, LONG) == 0
    assert not desk.tokens(next(iter(desk.errors)))


async def test_the_client_is_told_how_many_were_known(client: LocalEngine) -> None:
    request = GenerationRequest("r", "m", GREEDY, prompt=tuple(range(3, 153)), tenant="t")
    counts = []
    for _ in range(2):
        prepared = await client.prepare(request)
        counts.append(
            [delta.cached_tokens async for each in client.generate(prepared, 3) for delta in each]
        )
    assert set(counts[0]) == {0}
    assert set(counts[1]) == {128}


# Where tokens are in blocks, beginnings are shared as they lie.


def blocks_desk(shape: str = "llama", blocks: int = 40) -> Desk:
    return Desk(shape, blocks=blocks)


@pytest.mark.parametrize("shape", shapes())
def test_rows_share_the_blocks_of_a_beginning(shape: str) -> None:
    desk, other = blocks_desk(shape), [*LONG[:40], *range(20)]
    assert desk.complete(LONG) == Desk(shape).complete(LONG)
    running = desk.submit(LONG, GREEDY, 60)
    desk.step()
    free = blocks_of(desk).available
    again = desk.submit(other)
    desk.steps.admit(desk.waiting)
    assert (running.cached, again.cached) == (48, 32)
    assert blocks_of(desk).available == free - 2
    desk.run()
    assert desk.tokens(again) == Desk(shape).complete(other)
    assert desk.tokens(running) == Desk(shape).complete(LONG, max_tokens=60)
    assert blocks_of(desk).available == 40


def test_nobody_shares_a_block_with_another_tenant_or_adapter(tmp_path: Path) -> None:
    desk = blocks_desk()
    assert [cached(desk, LONG, "ada") for _ in range(2)] == [0, 48]
    assert [cached(desk, LONG, "mallory") for _ in range(2)] == [0, 48]
    make_adapter(reference("llama"), tmp_path / "own", 1)
    adapter = AdapterShelf(tmp_path, reference("llama")).get("own")
    asked = Submission(LONG, GREEDY, 1, "ada", adapter=adapter)
    desk.waiting.put(asked)
    desk.run()
    assert asked.cached == 0
    assert blocks_of(desk).idle == 3 * 3


def test_the_last_token_is_computed_though_its_block_is_known() -> None:
    desk = blocks_desk()
    assert [cached(desk, LONG[:32]) for _ in range(2)] == [0, 16]
    assert desk.complete(LONG[:32]) == Desk().complete(LONG[:32])


def test_a_beginning_that_is_in_use_needs_no_room_of_its_own() -> None:
    """Two rows of five blocks each, in a cache of eight: they share three."""
    desk = blocks_desk(blocks=8)
    first, second = desk.submit(LONG, GREEDY, 19), desk.submit(LONG, GREEDY, 19)
    for _ in range(3):
        desk.step()
    assert second.cached == 48
    assert desk.steps.running == 2
    desk.run()
    assert desk.tokens(first) == desk.tokens(second) == Desk().complete(LONG, max_tokens=19)


def test_when_blocks_are_wanted_ends_leave_before_beginnings() -> None:
    desk = blocks_desk(blocks=8)
    cached(desk, LONG)
    assert desk.complete([140, 3], max_tokens=90) == Desk().complete([140, 3], max_tokens=90)
    assert blocks_of(desk).idle == 2  # six were needed: five lay there, and one was kept
    assert cached(desk, LONG) == 32


def blocks_of(desk: Desk) -> Blocks:
    cache = desk.runner.cache
    assert isinstance(cache, PagedCache)
    return cache.blocks
