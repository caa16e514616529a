"""Whether the kernels serve a model here: they are trusted once they have said what torch says."""

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from inference.engines.local.attention import Planner
from inference.engines.local.graphs import DecodeStep, PlainStep
from inference.engines.local.kv import Cache
from inference.engines.local.packed import PackedModel
from inference.engines.local.paged_plans import PagedPlanner

if TYPE_CHECKING:
    from inference.engines.local.cuda.step import FusedStep

CONTEXT = 200  # tokens of it in the trial: several blocks of keys, the last one not full
NEAR = {torch.float32: 1e-3, torch.bfloat16: 0.1}  # of the logits' deviation, on average

log = logging.getLogger(__name__)


def decode_step(model: PackedModel, cache: Cache, planner: Planner) -> DecodeStep:
    """In kernels of our own, or in torch's."""
    plain = PlainStep(model, planner)
    if cache.device.type != "cuda":
        return plain
    if find_spec("triton") is None:
        log.warning("Triton is missing: decoding steps are torch's operations")
        return plain
    try:
        fused = _tried(model, cache, plain)
        if isinstance(planner, PagedPlanner):
            fused.rehearse(cache)
            planner.kernel = fused.attended
    except Exception as error:  # noqa: BLE001 - compilers fail in ways of their own; torch goes on
        log.warning("decoding steps are torch's operations: %s", error)
        return plain
    return fused


def _tried(model: PackedModel, cache: Cache, plain: PlainStep) -> "FusedStep":
    """Raises whatever a compiler raises, and ValueError."""
    from inference.engines.local.cuda.step import FusedStep  # noqa: PLC0415 - needs Triton

    fused = FusedStep(model.parts, cache)
    off = difference(plain, fused, cache)
    if not off < NEAR[cache.dtype]:
        raise ValueError(f"the kernels' logits are {off:.3g} deviations away")
    return fused


@torch.inference_mode()
def difference(plain: DecodeStep, fused: DecodeStep, cache: Cache) -> float:
    """Of both steps' logits, in deviations, over random keys and values. Slots are empty after."""
    last = min(CONTEXT, cache.context) - 1
    cache.extend(0, 0, last + 1)
    cache.settle()
    block = torch.randn_like(cache.get(0, 0, last))
    inputs = torch.tensor([[1], [last], [0]], device=cache.device)
    found = []
    for step in (plain, fused):
        cache.put(0, 0, block)
        found.append(step.logits(inputs, last + 1, None))
        cache.clear(0, last + 1)
    cache.release(0)
    return float((found[1] - found[0]).abs().mean() / found[0].std())
