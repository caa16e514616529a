"""The kernels of decoding steps say what torch's operations say, in Triton's interpreter; and its
compiler takes them for the GPUs that there are.

    pip install triton; TRITON_INTERPRET=1 python -m pytest tests/engines/test_kernels.py
"""

import copy
import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="Triton comes with torch for GPUs: pip install triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("Triton reads TRITON_INTERPRET=1 before it is imported", allow_module_level=True)

from inference.engines.local.cuda import launches, opening
from inference.engines.local.cuda.step import FusedStep
from inference.engines.local.graphs import PlainStep
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.packed import PackedModel
from inference.engines.local.packed_layers import Head, Norm
from tests.engines.small_models import CONTEXT, VOCABULARY, reference, shapes

LENGTHS = [0, 5, 70, CONTEXT - 1]
CPU = torch.device("cpu")


def opened(shape: str) -> tuple[PackedModel, SlotCache]:
    model = copy.deepcopy(reference(shape))
    cache = SlotCache(CacheShape.of(model.config), len(LENGTHS), CONTEXT, torch.float32, CPU)
    return PackedModel(model), cache


@pytest.mark.parametrize("shape", shapes())
@torch.inference_mode()
def test_a_step_says_and_keeps_the_same(shape: str) -> None:
    model, cache = opened(shape)
    slots = list(range(len(LENGTHS)))
    inputs = torch.tensor([[7, 8, 9, 10], LENGTHS, slots])
    filled = [torch.randn_like(cache.get(slot, 0, CONTEXT)) for slot in slots]
    said, kept = [], []
    for step in (PlainStep(model, cache), FusedStep(model.parts, cache)):
        for slot, block in zip(slots, filled, strict=True):
            cache.put(slot, 0, block)
        said.append(step.logits(inputs, CONTEXT, None))
        kept.append(torch.stack([cache.get(slot, 0, CONTEXT) for slot in slots]))
    assert torch.allclose(said[0], said[1], atol=1e-4)
    assert torch.allclose(kept[0], kept[1], atol=1e-4)
    assert said[0].shape == (4, VOCABULARY)


def test_the_trial_at_the_start_finds_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    model, cache = opened("llama")
    plain = PlainStep(model, cache)
    assert opening.difference(plain, FusedStep(model.parts, cache), cache) < 1e-4
    monkeypatch.setattr(launches, "gated", lambda both, tanh: both.chunk(2, -1)[0])
    assert opening.difference(plain, FusedStep(model.parts, cache), cache) > 0.1
    assert not cache.get(0, 0, CONTEXT).any()


@pytest.mark.parametrize("splits", [1, 32])
def test_shares_of_the_keys_become_one_answer(splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launches, "_splits", lambda programs, device: splits)
    torch.manual_seed(3)
    keys, values = torch.randn(2, 3, 2, 200, 80)
    query, slots = torch.randn(2, 6, 80), torch.tensor([2, 0])
    head, shape = Head(0.1, 150, 3.0, None), launches.Shape(6, 2, 80, 200)
    rows = slots, torch.tensor([199, 40])
    found = launches.attended(query, (keys, values), rows, head, shape)
    for row, (slot, seen) in enumerate([(2, slice(50, 200)), (0, slice(0, 41))]):
        wide = [each[slot, :, seen].repeat_interleave(3, 0) for each in (keys, values)]
        scores = 3 * ((query[row][:, None] @ wide[0].transpose(1, 2)) * 0.1 / 3).tanh()
        assert torch.allclose(found[row], (scores.softmax(-1) @ wide[1]).flatten(), atol=1e-5)


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
    assert told.stdout.count("fits") == 2 * 7
