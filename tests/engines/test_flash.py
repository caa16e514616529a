"""Prompts by flash attention: the pieces that the engine gives it are the right ones.

The kernel itself runs on GPUs alone; here stands what its documentation says that it computes.
"""

import random
from typing import Any

import pytest
import torch

from inference.engines.local import attention, flash, paged_plans
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.packed_layers import Head
from inference.engines.local.paged import PagedCache
from tests.engines.small_models import VOCABULARY, Desk, reference, shapes

UNCAPPED = [name for name in shapes() if name != "gemma2"]


def documented(  # as torch's
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float,
    window_size: tuple[int, int],
    enable_gqa: bool,
    seqused_k: torch.Tensor | None = None,
    block_table: torch.Tensor | None = None,
) -> torch.Tensor:
    """Queries are the last tokens of their sequence, and see `window_size` of them on each side."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert query.stride(-1) == key.stride(-1) == value.stride(-1) == 1
    assert enable_gqa
    queries, keys = cu_seq_q.diff().tolist(), cu_seq_k.diff().tolist()
    assert (max(queries), max(keys)) == (max_q, max_k)
    assert (sum(queries), len(queries)) == (len(query), len(keys))
    if block_table is None:
        assert seqused_k is None
        assert sum(keys) == len(key)
        parts = list(zip(torch.split(key, keys), torch.split(value, keys), strict=True))
    else:
        assert seqused_k is not None
        assert seqused_k.tolist() == keys
        assert block_table.dtype == seqused_k.dtype == torch.int32
        parts = [
            (key[row].flatten(0, 1)[:count], value[row].flatten(0, 1)[:count])
            for row, count in zip(block_table, keys, strict=True)
        ]
    rows = zip(torch.split(query, queries), parts, strict=True)
    return torch.cat([one(each, *part, scale, window_size) for each, part in rows])


def one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    window_size: tuple[int, int],
) -> torch.Tensor:
    left, right = window_size
    own = torch.arange(len(key) - len(query), len(key))[:, None]
    seen = torch.arange(len(key))
    hidden = seen > own + right
    if left >= 0:
        hidden |= seen < own - left
    group = query.shape[1] // key.shape[1]
    keys, values = (each.repeat_interleave(group, dim=1) for each in (key, value))
    scores = torch.einsum("qhd,khd->hqk", query, keys) * scale
    weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
    return torch.einsum("hqk,khd->qhd", weights, values)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "varlen_attn", documented)
    monkeypatch.setattr(flash, "serves", lambda cache, heads, blocks=False: True)


@pytest.mark.parametrize("shape", UNCAPPED)
@pytest.mark.parametrize("way", ["slots", "blocks that are fetched", "blocks in their place"])
def test_prompts_in_pieces_say_what_they_say_without(
    shape: str, way: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(2)
    prompts = [[chance.randrange(VOCABULARY) for _ in range(size)] for size in (1, 9, 40, 77)]
    plain = Desk(shape, step_tokens=24)
    request.getfixturevalue("here")
    if way == "blocks that are fetched":
        monkeypatch.setattr(flash, "serves", lambda cache, heads, blocks=False: not blocks)
        monkeypatch.setattr(paged_plans, "MOST_FETCHED", 2 * 16 * 60)  # not all prompts at once
    mine = Desk(shape, step_tokens=24, blocks=None if way == "slots" else 30)
    pairs = [(plain.submit(prompt), mine.submit(prompt)) for prompt in prompts]
    plain.run()
    mine.run()
    assert [plain.tokens(one) for one, _ in pairs] == [mine.tokens(other) for _, other in pairs]


def test_capped_scores_are_never_given_to_it(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*of: object, **more: object) -> None:
        raise AssertionError("it knows no caps")

    monkeypatch.setattr(flash, "varlen_attn", refused)
    for blocks in (None, 30):
        assert Desk("gemma2", step_tokens=24, blocks=blocks).complete([7] * 40)


def test_it_is_not_trusted_before_it_has_said_what_torch_says(
    here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = reference("llama").config
    cache = SlotCache(CacheShape.of(config), 1, 16, torch.float32, torch.device("cpu"))
    assert flash.difference(cache, config.num_attention_heads) < 1e-5

    def without_a_window(*of: Any, **more: Any) -> torch.Tensor:
        return documented(*of, **more | {"window_size": (-1, 0)})

    monkeypatch.setattr(flash, "varlen_attn", without_a_window)
    assert flash.difference(cache, config.num_attention_heads) > flash.NEAR


def test_reading_blocks_is_a_trial_of_its_own(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    config = reference("llama").config
    cache = PagedCache(CacheShape.of(config), 2, 9, 64, torch.float32, torch.device("cpu"))
    assert flash.difference(cache, config.num_attention_heads, blocks=True) < 1e-5

    def in_order(*of: Any, block_table: torch.Tensor, **more: Any) -> torch.Tensor:
        return documented(*of, **more, block_table=block_table.flip(0))

    monkeypatch.setattr(flash, "varlen_attn", in_order)
    assert flash.difference(cache, config.num_attention_heads, blocks=True) > flash.NEAR


def test_many_capped_scores_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    query, keys, values = torch.randn(9, 4, 8), torch.randn(2, 20, 8), torch.randn(2, 20, 8)
    mask = torch.arange(20) <= torch.arange(11, 20)[:, None]
    head = Head(0.3, None, 2.0, None)
    whole = attention.many_queries(query, keys, values, mask, head)
    monkeypatch.setattr(attention, "MOST_SCORES", 4 * 20 * 4)
    parts = attention.many_queries(query, keys, values, mask, head)
    assert torch.allclose(parts, whole, atol=1e-6)
