"""How fast the engine is on a device, against what the speed of its memory allows."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from transformers import LlamaConfig, PreTrainedConfig, PreTrainedModel, Qwen3Config

from bench.engine_contenders import Ask, Continuous, Ours
from bench.engine_model import random_model
from inference.engines.base import SamplingParams
from inference.engines.local import graphs
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.runner import Runner
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from inference.engines.local.steps import StepOptions, Steps

GREEDY = SamplingParams(temperature=0, ignore_eos=True)
COPIED = 2 << 30
STEPS = 30


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows that are timed, and the least fraction of the memory's speed at each."""

    name: str
    config: PreTrainedConfig
    context: int
    targets: dict[int, float]
    saturated: float | None  # tokens a second, 128 requests of 128 and 128 tokens at once


def run(device: torch.device, *, small: bool) -> None:
    bandwidth = _bandwidth(device, COPIED >> 6 if small else COPIED)
    print(f"\nmemory: {bandwidth / 1e9:.0f} GB/s, read and written")
    for shape in _small() if small else _real():
        print(f"\n{shape.name}")
        _steps(shape, device, bandwidth)
        _saturation(shape, device, requests=16 if small else 256)


def _real() -> list[Shape]:
    llama = LlamaConfig(
        vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=8192,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    qwen = Qwen3Config(
        vocab_size=151_936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
        max_position_embeddings=8192, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return [
        Shape("Qwen3-0.6B", qwen, 1024, {1: 0.4, 64: 0.5}, None),
        Shape("Llama-3-8B", llama, 1024, {1: 0.75, 64: 0.6}, 10_000),
    ]


def _small() -> list[Shape]:
    config = LlamaConfig(
        vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return [Shape("small", config, 64, {1: 0.0, 8: 0.0}, None)]


def _model(shape: Shape, device: torch.device) -> PreTrainedModel:
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            return random_model(shape.config)
    finally:
        torch.set_default_dtype(torch.float32)


def _steps(shape: Shape, device: torch.device, bandwidth: float) -> None:
    """Decode steps one by one and recorded, at a full context."""
    weights = _bytes_read(shape.config)
    each = CacheShape.of(shape.config).bytes_per_token(torch.bfloat16) * shape.context
    print(
        f"{'rows':>6}{'ms eager':>12}{'ms recorded':>14}{'times':>8}{'of memory':>12}{'target':>9}"
    )
    for rows, target in shape.targets.items():
        eager = _step_seconds(shape, device, rows, None)
        played = _step_seconds(shape, device, rows, _recorder(device))
        least = (weights + rows * each) / bandwidth
        print(
            f"{rows:>6}{eager * 1e3:>12.2f}{played * 1e3:>14.2f}{eager / played:>8.1f}"
            f"{least / played:>12.2f}{target:>9.2f}"
        )


def _saturation(shape: Shape, device: torch.device, requests: int) -> None:
    chance = random.Random(1)
    size = min(128, shape.context // 2)
    asks = [
        Ask([chance.randrange(shape.config.vocab_size) for _ in range(size)], size)
        for _ in range(requests)
    ]
    at_once = min(128, requests)
    model = _model(shape, device)
    slots = SlotCache(CacheShape.of(model.config), at_once, 2 * size, model.dtype, model.device)
    options = StepOptions(model.config.vocab_size, frozenset(), 4096, shared=4096)
    ours = Ours.of(Steps(Runner(model, slots, _recorder(device)), options), GREEDY)
    try:
        ours.run(asks[:4], 4)  # warm
        found = ours.run(asks, at_once)
    finally:
        ours.close()
    wanted = f" (target {shape.saturated:.0f})" if shape.saturated else ""
    print(f"{at_once} at once: {found.tokens_per_second:.0f} tokens/s{wanted}, ", end="")
    print(f"first token after {found.first_token_ms:.0f} ms")
    if device.type == "cuda":  # on a processor `bench.engine` compares them
        theirs = Continuous(_model(shape, device)).run(asks, at_once)
        gain = found.tokens_per_second / theirs.tokens_per_second
        print(f"transformers' continuous batching: {theirs.tokens_per_second:.0f}, 1 : {gain:.2f}")


def _step_seconds(
    shape: Shape,
    device: torch.device,
    rows: int,
    record: Callable[[graphs.Compute], graphs.Compute] | None,
) -> float:
    model = _model(shape, device)
    context = shape.context + 2 * STEPS
    cache = SlotCache(CacheShape.of(model.config), rows, context, model.dtype, model.device)
    steps = Steps(
        Runner(model, cache, record),
        StepOptions(model.config.vocab_size, frozenset(), 4096, shared=4096),
    )
    waiting = FairQueue()
    for number in range(rows):
        waiting.put(Submission([number + 1] * shape.context, GREEDY, 2 * STEPS))
    steps.admit(waiting)
    while len(steps.step()[0].tokens) < rows:  # until all decode
        continue
    taken = []
    for _ in range(STEPS):
        began = time.perf_counter()
        steps.step()  # ends with the tokens on the host, so the device has finished
        taken.append(time.perf_counter() - began)
    return median(taken)


def _recorder(device: torch.device) -> Callable[[graphs.Compute], graphs.Compute]:
    return graphs.OnCuda() if device.type == "cuda" else lambda compute: compute


def _bandwidth(device: torch.device, size: int) -> float:
    """Bytes a second that a copy reads and writes."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    taken = []
    for _ in range(10):
        _finish(device)
        began = time.perf_counter()
        target.copy_(source)
        _finish(device)
        taken.append(time.perf_counter() - began)
    return 2 * size / min(taken)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _bytes_read(config: PreTrainedConfig) -> int:
    """Of weights, in a step: all but the table of embeddings, unless that is the output as well."""
    with torch.device("meta"):
        model = random_model(config)
    numbers = sum(weights.numel() for weights in model.parameters())
    if not config.tie_word_embeddings:
        numbers -= config.vocab_size * config.hidden_size
    return 2 * numbers
