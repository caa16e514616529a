"""Whether the engine computes right on a device: against single precision, and against itself."""

import copy
import random
from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from bench import gpu_sampling
from bench.engine_model import random_model
from bench.gpu_caches import in_blocks, in_slots
from bench.gpu_sampling import SAMPLINGS
from inference.engines.base import SamplingParams
from inference.engines.local import graphs
from inference.engines.local.cuda import opening
from inference.engines.local.paged import BLOCK
from inference.engines.local.runner import Runner
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from inference.engines.local.steps import StepOptions, Steps

VOCABULARY, CONTEXT = 512, 256
TIE = 3e-4  # nearer than this, rounding may decide between single precisions of two devices
HALF_TIE = 0.25  # of the logits' deviation: between bfloat16 and single precision
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.15,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}
SHAPES: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=64),
    "mistral with a window": MistralConfig(**SMALL, sliding_window=20),
    "gemma 2": Gemma2Config(**SMALL, head_dim=256, sliding_window=20),
    "gemma 3": Gemma3TextConfig(**SMALL, head_dim=256, sliding_window=20),
}


def run(device: torch.device) -> int:
    """How many checks failed; each is told."""
    failed = 0
    for shape, config in SHAPES.items():
        reference = random_model(config).to(device)  # type: ignore[arg-type]  # transformers' wrapper hides torch's signature
        for name, check in _CHECKS.items():
            try:
                check(reference)
            except (AssertionError, RuntimeError) as error:  # the others are made all the same
                failed += 1
                print(f"FAILED {shape}, {name}: {error}")
            else:
                print(f"ok     {shape}, {name}")
    failed += _told("sampler, every kind, as on the processor", lambda: gpu_sampling.check(device))
    return failed


def _told(name: str, check: Callable[[], None]) -> int:
    try:
        check()
    except (AssertionError, RuntimeError) as error:
        print(f"FAILED {name}: {error}")
        return 1
    print(f"ok     {name}")
    return 0


def _single(reference: PreTrainedModel) -> None:
    """Greedy tokens in single precision are those of `generate`, up to near ties."""
    sure = 0
    for prompt in _prompts(3):
        wanted, clear = _generated(reference, prompt, 24, TIE)
        found = _answers(_runner(reference), [prompt], 24)[0]
        assert found[:clear] == wanted[:clear], f"{found} instead of {wanted}"  # noqa: S101 - a check
        sure += clear
    assert sure > 20, "nearly everything ties"  # noqa: S101 - a check


def _half(reference: PreTrainedModel) -> None:
    """Logits in bfloat16 lie near those in single precision, and so do the choices."""
    half = _halved(reference)
    for prompt in _prompts(2):
        with torch.inference_mode():
            wanted = reference(torch.tensor([prompt], device=reference.device)).logits[0].float()
        found = _prompt_logits(half, prompt)
        off = ((found - wanted[-1]).abs().mean() / wanted[-1].std()).item()
        assert off < HALF_TIE / 2, f"logits are {off:.3f} deviations away"  # noqa: S101 - a check
        best = wanted[-1].topk(2).values
        if (best[0] - best[1]) / wanted[-1].std() > HALF_TIE:
            assert int(found.argmax()) == int(wanted[-1].argmax()), "another token"  # noqa: S101 - a check


def _halved(reference: PreTrainedModel) -> PreTrainedModel:
    """As `from_pretrained` loads it: frequencies of positions stay in single precision."""
    half = copy.deepcopy(reference)
    for weights in half.parameters():
        weights.data = weights.data.bfloat16()
    return half


def _batches(reference: PreTrainedModel) -> None:
    """A row says the same alone and beside others."""
    prompts = _prompts(5)
    together = _answers(_runner(reference), prompts, 16)
    for prompt, found in zip(prompts, together, strict=True):
        _, clear = _generated(reference, prompt, 16, TIE)
        alone = _answers(_runner(reference), [prompt], 16)[0]
        assert found[:clear] == alone[:clear], f"{found} instead of {alone}"  # noqa: S101 - a check


def _recorded(reference: PreTrainedModel) -> None:
    """Recorded decode steps say what others say."""
    prompts = _prompts(3)
    plain = _answers(_runner(reference), prompts, 16)
    played = _answers(_runner(reference, recorded=True), prompts, 16)
    for prompt, one, other in zip(prompts, plain, played, strict=True):
        _, clear = _generated(reference, prompt, 16, TIE)
        assert one[:clear] == other[:clear], f"{other} instead of {one}"  # noqa: S101 - a check


def _in_slots(reference: PreTrainedModel) -> None:
    """Where every row has room for a whole context, it says what it says in blocks."""
    _same(reference, _prompts(3), _runner(reference, recorded=True, slots=True))


def _too_few(reference: PreTrainedModel) -> None:
    """Rows that had to give way go on as if they had not."""
    few = CONTEXT // BLOCK + 2
    _same(reference, _prompts(8), _runner(reference, recorded=True, blocks=few))


def _same(reference: PreTrainedModel, prompts: list[list[int]], other: Runner) -> None:
    plain = _answers(_runner(reference, recorded=True), prompts, 40)
    for prompt, one, two in zip(prompts, plain, _answers(other, prompts, 40), strict=True):
        _, clear = _generated(reference, prompt, 40, TIE)
        assert one[:clear] == two[:clear], f"{two} instead of {one}"  # noqa: S101 - a check


def _recorded_half(reference: PreTrainedModel) -> None:
    """On a GPU everything is recorded, in kernels of our own, and says nearly what torch says."""
    runner = _runner(_halved(reference), recorded=True)
    runner.warm_up()
    graphs_, planner, cache = runner._graphs, runner._planner, runner.cache  # noqa: SLF001 - to see which way it goes
    assert graphs_  # noqa: S101 - it was asked to
    step = graphs_._step  # noqa: SLF001 - the same
    print(
        f"       decoding steps: {type(step).__name__}; prompts by flash: {planner.flash}", end=""
    )
    print(f", which reads blocks: {getattr(planner, 'in_place', None)}")
    if cache.device.type == "cuda":
        assert not isinstance(step, graphs.PlainStep), "torch's operations, see the warning"  # noqa: S101 - a check
        assert None not in graphs_._recordings.values(), "not recorded, see the warning"  # noqa: S101, SLF001 - a check
    off = opening.difference(graphs.PlainStep(runner._packed, planner), step, cache)  # noqa: SLF001 - the same
    assert off < opening.NEAR[torch.bfloat16], f"{off:.3f} deviations"  # noqa: S101 - a check


def _sampled(reference: PreTrainedModel) -> None:
    """Every kind of sampling, recorded and read late, says what it says otherwise; a nearly tied
    draw may fall differently."""
    prompts = _prompts(len(SAMPLINGS))
    kinds = list(SAMPLINGS.values())
    plain = _answers(_runner(reference), prompts, 24, kinds)
    played = _answers(_runner(reference, recorded=True), prompts, 24, kinds)
    other = [name for name, one, two in zip(SAMPLINGS, plain, played, strict=True) if one != two]
    assert len(other) <= 1, f"otherwise: {', '.join(other)}"  # noqa: S101 - a check


_CHECKS = {
    "single precision, as generate": _single,
    "bfloat16 near single precision": _half,
    "alone as in a batch": _batches,
    "recorded steps": _recorded,
    "recorded steps in slots": _in_slots,
    "recorded steps with too few blocks": _too_few,
    "recorded steps in bfloat16": _recorded_half,
    "every kind of sampling, recorded": _sampled,
}


def _prompts(count: int) -> list[list[int]]:
    chance = random.Random(count)
    return [[chance.randrange(VOCABULARY) for _ in range(10 + 15 * n)] for n in range(count)]


def _generated(
    model: PreTrainedModel, prompt: list[int], count: int, tie: float
) -> tuple[list[int], int]:
    """What `generate` says, and up to where it is sure."""
    answer = model.generate(  # type: ignore[operator]  # a method that mypy takes for a tensor
        torch.tensor([prompt], device=model.device),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=model.device),
        max_new_tokens=count,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.cat(answer.logits).topk(2).values
    clear = (best[:, 0] - best[:, 1] >= tie).tolist()
    tokens: list[int] = answer.sequences[0, len(prompt) :].tolist()
    return tokens, clear.index(False) if False in clear else count


def _runner(
    model: PreTrainedModel, *, recorded: bool = False, slots: bool = False, blocks: int = 0
) -> Runner:
    """In blocks, as a GPU's cache is, but for `slots`; so many of them, or as many as it takes."""
    own = copy.deepcopy(model)
    cache = in_slots(own, 12, CONTEXT) if slots else in_blocks(own, 12, CONTEXT, blocks)
    if not recorded:
        return Runner(own, cache)
    return Runner(own, cache, graphs.OnCuda() if own.device.type == "cuda" else lambda each: each)


def _prompt_logits(model: PreTrainedModel, prompt: list[int]) -> torch.Tensor:
    runner = _runner(model)
    steps = Steps(runner, StepOptions(VOCABULARY, frozenset(), 32))
    seen: list[torch.Tensor] = []
    forward = runner.forward
    runner.forward = lambda *of: seen.append(forward(*of)) or seen[-1]  # type: ignore[method-assign, func-returns-value]  # to look at what the sampler gets
    _run(steps, [Submission(prompt, SamplingParams(temperature=0), 1)])
    return seen[-1][-1]


def _answers(
    runner: Runner,
    prompts: list[list[int]],
    count: int,
    kinds: list[SamplingParams] | None = None,
) -> list[list[int]]:
    steps = Steps(runner, StepOptions(VOCABULARY, frozenset(), 48))
    kinds = kinds or [SamplingParams(temperature=0)] * len(prompts)
    asked = zip(prompts, kinds, strict=True)
    answers = _run(steps, [Submission(prompt, kind, count) for prompt, kind in asked])
    short = runner.cache.tokens < len(prompts) * CONTEXT
    assert short == bool(steps.given_way), "nobody gave way, or somebody in vain"  # noqa: S101 - a check
    return answers


def _run(steps: Steps, submissions: list[Submission]) -> list[list[int]]:
    waiting = FairQueue()
    for submission in submissions:
        waiting.put(submission)
    told: dict[Submission, list[int]] = {submission: [] for submission in submissions}
    while waiting or steps.running:
        steps.admit(waiting)
        events, _ = steps.step()
        assert not events.failures, str(events.failures[0].error)  # noqa: S101 - a check
        for event in events.tokens:
            told[event.sequence.submission].append(event.token)
    return list(told.values())
