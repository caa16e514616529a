"""Prompts by flash attention: the pieces that the engine gives it are the right ones.

The kernel itself runs on GPUs alone; here stands what its documentation says that it computes.
"""

import random
from typing import Any

import pytest
import torch

from inference.engines.local import attention, flash
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.packed_layers import Head
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
) -> torch.Tensor:
    """One sequence; queries are the last tokens, and see `window_size` of them on each side."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert cu_seq_q.tolist() == [0, len(query)] == [0, max_q]
    assert cu_seq_k.tolist() == [0, len(key)] == [0, max_k]
    assert query.stride(-1) == key.stride(-1) == value.stride(-1) == 1
    assert enable_gqa
    left, right = window_size
    own = torch.arange(max_k - max_q, max_k)[:, None]
    seen = torch.arange(max_k)
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
    monkeypatch.setattr(flash, "serves", lambda cache, heads: True)


@pytest.mark.parametrize("shape", UNCAPPED)
def test_prompts_in_pieces_say_what_they_say_without(
    shape: str, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(2)
    prompts = [[chance.randrange(VOCABULARY) for _ in range(size)] for size in (1, 9, 40, 77)]
    plain = Desk(shape, step_tokens=24)
    request.getfixturevalue("here")
    mine = Desk(shape, step_tokens=24)
    pairs = [(plain.submit(prompt), mine.submit(prompt)) for prompt in prompts]
    plain.run()
    mine.run()
    assert [plain.tokens(one) for one, _ in pairs] == [mine.tokens(other) for _, other in pairs]


def test_capped_scores_are_never_given_to_it(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*of: object, **more: object) -> None:
        raise AssertionError("it knows no caps")

    monkeypatch.setattr(flash, "varlen_attn", refused)
    desk = Desk("gemma2", step_tokens=24)
    assert desk.complete([7] * 40)


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


def test_many_capped_scores_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    query, keys, values = torch.randn(9, 4, 8), torch.randn(2, 20, 8), torch.randn(2, 20, 8)
    mask = torch.arange(20) <= torch.arange(11, 20)[:, None]
    span, head = attention.PromptSpan(0, 9, 0, 0, 20, mask), Head(0.3, None, 2.0, None)
    whole = attention._prefill_capped(query, keys, values, span, head)
    monkeypatch.setattr(attention, "MOST_SCORES", 4 * 20 * 4)
    parts = attention._prefill_capped(query, keys, values, span, head)
    assert torch.allclose(parts, whole, atol=1e-6)
