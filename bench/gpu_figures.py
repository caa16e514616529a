"""How fast the engine is on a device, against what the speed of its memory allows."""

import gc
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from transformers import LlamaConfig, PreTrainedConfig, PreTrainedModel, Qwen3Config

from bench import gpu_sampling
from bench.engine_contenders import Ask, Continuous, Figures, Ours
from bench.engine_model import random_model
from bench.gpu_caches import in_blocks, in_slots
from inference.engines.base import SamplingParams
from inference.engines.local import graphs
from inference.engines.local.adapters import Adapter, linears
from inference.engines.local.kv import CacheShape
from inference.engines.local.runner import Runner
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from inference.engines.local.steps import StepOptions, Steps

GREEDY = SamplingParams(temperature=0, ignore_eos=True)
COPIED = 2 << 30
STEPS = 30


ADAPTERS, RANK = 8, 16
ADAPTED = 0.6  # of the base's speed


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked of it, at so many rows: a fraction of the memory's speed at least, milliseconds
    at most, so many times an unrecorded step at least. And tokens a second, of 128 requests of 128
    and 128 tokens at once."""

    name: str
    config: PreTrainedConfig
    context: int
    of_memory: dict[int, float | None]
    most_ms: float | None = None  # of a row alone
    gain: float | None = None  # of recording a row alone
    saturated: float | None = None


class Report:
    """One line for each target, said once more at the end."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def say(self, name: str, seen: float, target: float | None, *, most: bool = False) -> None:
        wanted = "no target"
        if target is not None:
            reached = seen <= target if most else seen >= target
            sign, verdict = "<=" if most else ">=", "reached" if reached else "MISSED"
            wanted = f"target {sign} {target:g}  {verdict}"
        line = f"{name:<62}{seen:>10.2f}  {wanted}"
        self._lines.append(line)
        print(line, flush=True)

    def tell(self) -> None:
        print("\n-- all figures --")
        print("\n".join(self._lines))
        missed = sum(line.endswith("MISSED") for line in self._lines)
        judged = sum("  target " in line for line in self._lines)
        print(f"{judged - missed} of {judged} targets reached")


def run(device: torch.device, *, small: bool) -> None:
    report = Report()
    bandwidth = _bandwidth(device, COPIED >> 6 if small else COPIED)
    report.say("memory, GB/s read and written by a copy", bandwidth / 1e9, None)
    for shape in _small() if small else _real():
        for measure in (_steps, _choosing, _adapted, _saturation):
            _let_go(device)
            began = time.perf_counter()
            measure(shape, device, bandwidth, report)
            print(f"   ({time.perf_counter() - began:.0f} s)", flush=True)
    report.tell()


def _let_go(device: torch.device) -> None:
    """Models and caches of the measurement before: recordings hold themselves in circles."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


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
        Shape("Qwen3-0.6B", qwen, 1024, {1: None, 64: None}, most_ms=1.0, gain=5.0),
        Shape("Llama-3-8B", llama, 1024, {1: 0.75, 64: 0.6}, saturated=10_000),
    ]


def _small() -> list[Shape]:
    config = LlamaConfig(
        vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return [Shape("small", config, 64, {1: 0.0, 8: 0.0}, 1e6, 0.0, 1.0)]


def _model(shape: Shape, device: torch.device) -> PreTrainedModel:
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            return random_model(shape.config)
    finally:
        torch.set_default_dtype(torch.float32)


def _steps(shape: Shape, device: torch.device, bandwidth: float, report: Report) -> None:
    """Decode steps one by one and recorded, at a full context."""
    weights = _bytes_read(shape.config)
    each = CacheShape.of(shape.config).bytes_per_token(torch.bfloat16) * shape.context
    for rows, target in shape.of_memory.items():
        name = f"{shape.name}, {rows} rows of {shape.context}"
        eager = _step_seconds(shape, device, [None] * rows, None)
        _let_go(device)
        played = _step_seconds(shape, device, [None] * rows, _recorder(device))
        _let_go(device)
        whole = _step_seconds(shape, device, [None] * rows, _recorder(device), slots=True)
        least = (weights + rows * each) / bandwidth
        alone = rows == 1
        report.say(f"{name}: ms a step", played * 1e3, shape.most_ms if alone else None, most=True)
        report.say(f"{name}: of the memory's speed", least / played, target)
        report.say(f"{name}: times unrecorded", eager / played, shape.gain if alone else None)
        report.say(f"{name}: of its speed in slots", whole / played, None)
        report.say(f"{name}: tokens a second", rows / played, None)


def _choosing(shape: Shape, device: torch.device, bandwidth: float, report: Report) -> None:
    """Without the model: what rows ask for should cost little of a step."""
    for rows in shape.of_memory:
        for kind in ("greedy", "plain", "filtered", "everything"):
            took = gpu_sampling.seconds(device, kind, rows, shape.config.vocab_size)
            report.say(f"{shape.name}, {rows} rows, {kind}: ms to choose", took * 1e3, None)


def _adapted(shape: Shape, device: torch.device, bandwidth: float, report: Report) -> None:
    """Rows of as many adapters beside rows of the base alone, both recorded."""
    base = _step_seconds(shape, device, [None] * ADAPTERS, _recorder(device))
    _let_go(device)
    model = _model(shape, device)
    adapters = [_adapter(model, number) for number in range(ADAPTERS)]
    del model
    mixed = _step_seconds(shape, device, adapters, _recorder(device))
    report.say(f"{shape.name}, 8 rows of 8 adapters: of the base's speed", base / mixed, ADAPTED)


def _adapter(model: PreTrainedModel, number: int) -> Adapter:
    def some(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, device=model.device, dtype=model.dtype) * 0.01

    layers = {
        name: (some(RANK, layer.in_features), some(RANK, layer.out_features))
        for name, layer in linears(model).items()
    }
    return Adapter(f"a{number}", layers)


def _saturation(shape: Shape, device: torch.device, bandwidth: float, report: Report) -> None:
    """A full house, twice over."""
    chance = random.Random(1)
    size = min(128, shape.context // 2)
    at_once = 128 if device.type == "cuda" else 16
    asks = [
        Ask([chance.randrange(shape.config.vocab_size) for _ in range(size)], size)
        for _ in range(2 * at_once)
    ]
    name = f"{shape.name}, {at_once} at once, {size} and {size} tokens"
    found = _ours(shape, device, asks, at_once)
    report.say(f"{name}: tokens a second", found.tokens_per_second, shape.saturated)
    report.say(f"{name}: ms to the first token", found.first_token_ms, None)
    if device.type == "cuda":  # on a processor `bench.engine` compares them
        _let_go(device)
        theirs = Continuous(_model(shape, device)).run(asks, at_once)
        gain = found.tokens_per_second / theirs.tokens_per_second
        report.say(f"{name}: transformers' continuous batching = 1", gain, None)


def _ours(shape: Shape, device: torch.device, asks: list[Ask], at_once: int) -> Figures:
    model = _model(shape, device)
    context = 2 * asks[0].tokens
    cache = in_blocks(model, at_once, context)
    options = StepOptions(model.config.vocab_size, frozenset(), 4096, shared=4096)
    runner = Runner(model, cache, _recorder(device))
    runner.warm_up()
    ours = Ours.of(Steps(runner, options), GREEDY)
    try:
        ours.run(asks[:at_once], at_once)  # warm
        return ours.run(asks, at_once)
    finally:
        ours.close()


def _step_seconds(
    shape: Shape,
    device: torch.device,
    adapters: list[Adapter] | list[None],
    record: Callable[[graphs.Compute], graphs.Compute] | None,
    *,
    slots: bool = False,
) -> float:
    model, rows = _model(shape, device), len(adapters)
    tokens = shape.context // 16 + graphs.STEADY + 2 * STEPS
    context = shape.context + tokens
    cache = in_slots(model, rows, context) if slots else in_blocks(model, rows, context)
    runner = Runner(model, cache, record)
    steps = Steps(runner, StepOptions(model.config.vocab_size, frozenset(), 4096, shared=4096))
    waiting = FairQueue()
    for number, adapter in enumerate(adapters):
        prompt = [number + 1] * shape.context
        waiting.put(Submission(prompt, GREEDY, tokens, adapter=adapter))
    steps.admit(waiting)
    while len(steps.step()[0].tokens) < rows:  # until all decode
        continue
    for _ in range(graphs.STEADY + 3):  # and what they do is recorded
        steps.step()
    taken = []
    for _ in range(STEPS):
        began = time.perf_counter()
        steps.step()  # ends with tokens on the host: of this step, or the one before
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
