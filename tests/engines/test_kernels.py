"""The kernels of decoding steps say what torch's operations say, in Triton's interpreter; and its
compiler takes them for the GPUs that there are.

    pip install triton; TRITON_INTERPRET=1 python -m pytest tests/engines/test_kernels.py
"""

import copy
import os
import re
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="Triton comes with torch for GPUs: pip install triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("Triton reads TRITON_INTERPRET=1 before it is imported", allow_module_level=True)

from inference.engines.local.attention import Planner
from inference.engines.local.cuda import launches, opening
from inference.engines.local.cuda.step import FusedStep
from inference.engines.local.graphs import PlainStep
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.packed import PackedModel
from inference.engines.local.packed_layers import Head, Norm
from inference.engines.local.paged import PagedCache, blocks_of
from inference.engines.local.paged_plans import PagedPlanner
from inference.engines.local.slot_plans import SlotPlanner
from tests.engines.small_models import CONTEXT, GREEDY, VOCABULARY, Desk, reference, shapes

LENGTHS = [0, 5, 70, CONTEXT - 1]
CPU = torch.device("cpu")
Cache = SlotCache | PagedCache


def opened(shape: str, *, blocks: bool) -> tuple[PackedModel, Cache]:
    """Whose blocks lie in no order."""
    model = copy.deepcopy(reference(shape))
    of, slots = CacheShape.of(model.config), len(LENGTHS)
    if not blocks:
        return PackedModel(model), SlotCache(of, slots, CONTEXT, torch.float32, CPU)
    cache = PagedCache(of, slots, slots * blocks_of(CONTEXT), CONTEXT, torch.float32, CPU)
    for stop in range(30, CONTEXT, 30):
        for slot in reversed(range(slots)):
            cache.extend(slot, 0, stop)
    for slot in range(slots):
        cache.extend(slot, 0, CONTEXT)
    cache.settle()
    return PackedModel(model), cache


def planner_of(model: PackedModel, cache: Cache) -> Planner:
    if isinstance(cache, SlotCache):
        return SlotPlanner(cache, model.windows, flash=False)
    return PagedPlanner(cache, model.windows)


def plain_step(model: PackedModel, cache: Cache) -> PlainStep:
    return PlainStep(model, planner_of(model, cache))


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("blocks", [False, True])
@torch.inference_mode()
def test_a_step_says_and_keeps_the_same(shape: str, blocks: bool) -> None:
    model, cache = opened(shape, blocks=blocks)
    slots = list(range(len(LENGTHS)))
    inputs = torch.tensor([[7, 8, 9, 10], LENGTHS, slots])
    filled = [torch.randn_like(cache.get(slot, 0, CONTEXT)) for slot in slots]
    said, kept = [], []
    for step in (plain_step(model, cache), FusedStep(model.parts, cache)):
        for slot, block in zip(slots, filled, strict=True):
            cache.put(slot, 0, block)
        said.append(step.logits(inputs, CONTEXT, None))
        kept.append(torch.stack([cache.get(slot, 0, CONTEXT) for slot in slots]))
    assert torch.allclose(said[0], said[1], atol=1e-4)
    assert torch.allclose(kept[0], kept[1], atol=1e-4)
    assert said[0].shape == (4, VOCABULARY)


@pytest.mark.parametrize("blocks", [False, True])
def test_the_trial_at_the_start_finds_a_wrong_kernel(
    blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cache = opened("llama", blocks=blocks)
    plain = plain_step(model, cache)
    assert opening.difference(plain, FusedStep(model.parts, cache), cache) < 1e-4
    monkeypatch.setattr(launches, "gated", lambda both, tanh: both.chunk(2, -1)[0])
    assert opening.difference(plain, FusedStep(model.parts, cache), cache) > 0.1
    cache.extend(0, 0, CONTEXT)
    assert not cache.get(0, 0, CONTEXT).any()


@pytest.mark.parametrize("splits", [1, 32])
@pytest.mark.parametrize("page", [200, 16])
def test_shares_of_the_keys_become_one_answer(
    splits: int, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launches, "_splits", lambda programs, device: splits)
    torch.manual_seed(3)
    keys, values = torch.randn(2, 3, 2, 208, 80)
    query, slots = torch.randn(2, 6, 80), torch.tensor([2, 0])
    head, rows = Head(0.1, 150, 3.0, None), (slots, torch.tensor([199, 40]))
    if page == 16:  # the same, cut up and mixed
        table = torch.randperm(39, dtype=torch.int32).view(3, 13)
        cached = tuple(_in_blocks(each, table) for each in (keys, values))
        shape = launches.Shape(6, 2, 80, 16, (160, 80), table)
    else:
        table = torch.arange(3, dtype=torch.int32)[:, None]
        cached = keys[:, :, :200].contiguous(), values[:, :, :200].contiguous()
        shape = launches.Shape(6, 2, 80, 200, (80, 200 * 80), table)
    found = launches.attended(query, (cached[0], cached[1]), rows, head, shape)
    for row, (slot, seen) in enumerate([(2, slice(50, 200)), (0, slice(0, 41))]):
        wide = [each[slot, :, seen].repeat_interleave(3, 0) for each in (keys, values)]
        scores = 3 * ((query[row][:, None] @ wide[0].transpose(1, 2)) * 0.1 / 3).tanh()
        assert torch.allclose(found[row], (scores.softmax(-1) @ wide[1]).flatten(), atol=1e-5)


def _in_blocks(slots: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """`[slots, heads, tokens, width]` as `[blocks, 16, heads, width]`."""
    blocks = torch.empty(table.numel(), 16, slots.shape[1], slots.shape[3])
    blocks[table.flatten().long()] = slots.transpose(1, 2).reshape(blocks.shape)
    return blocks


@pytest.mark.parametrize("shape", ["qwen3", "mistral_window", "gemma2"])
def test_rows_beside_prompts_are_the_kernels_work_too(shape: str) -> None:
    """And their answers what they are without it."""
    prompts = [[n * 7 % 150 for n in range(50)], [5, 6, 7], [n * 3 % 150 for n in range(70)]]
    plain, mine = (Desk(shape, slots=3, step_tokens=24, blocks=24) for _ in range(2))
    planner = mine.runner._planner
    assert isinstance(planner, PagedPlanner)
    step = FusedStep(mine.runner._packed.parts, mine.runner.cache)
    step.rehearse(mine.runner.cache)
    planner.kernel = step.attended
    told = []
    for desk in (plain, mine):
        asked = []
        for prompt in prompts:
            asked.append(desk.submit(prompt, GREEDY, 9))
            desk.step()
            desk.step()
        desk.run()
        told.append([desk.tokens(each) for each in asked])
    assert told[0] == told[1]


def test_small_operations_in_half_precision() -> None:
    torch.manual_seed(4)
    norm = Norm(torch.rand(48) + 0.5, torch.tensor([1e-6]))
    states = torch.randn(3, 48).bfloat16()
    assert torch.allclose(launches.normed(norm, states), norm(states), rtol=1e-2)
    both = torch.randn(3, 130).bfloat16()
    gate, up = both.chunk(2, -1)
    for tanh, wanted in ((False, torch.nn.SiLU()), (True, torch.nn.GELU("tanh"))):
        assert torch.allclose(launches.gated(both, tanh=tanh), wanted(gate) * up, rtol=2e-2)


def test_the_compiler_takes_them_for_gpus() -> None:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.engines.kernel_compiling"],
        env=os.environ | {"TRITON_INTERPRET": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("fits") == 2 * 9
    # Keys that wait for the table's entries would come one by one.
    attending = re.findall(r"attend for \d+: .*, (\d+) loads ahead", told.stdout)
    assert sum(int(ahead) > 1 for ahead in attending) == 2 * 2
