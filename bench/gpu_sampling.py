"""Whether a device chooses the tokens that the processor chooses, whatever rows ask for."""

import time
from collections.abc import Iterable
from statistics import median

import torch

from inference.engines.base import SamplingParams
from inference.engines.local import graphs
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.sampler import Sampler
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Sequence, Submission, TokenLogprobs

VOCABULARY = 512
NEAR = 3e-4  # log-probabilities of two devices
STEPS = 15

SAMPLINGS = {
    "greedy": SamplingParams(temperature=0),
    "plain": SamplingParams(seed=1),
    "filtered": SamplingParams(seed=2, top_k=40, top_p=0.9, min_p=0.01),
    "wide": SamplingParams(seed=3, top_p=0.999),
    "penalised": SamplingParams(seed=4, presence_penalty=1, frequency_penalty=0.5),
    "repeating": SamplingParams(temperature=0, repetition_penalty=1.3, logit_bias={7: 2.0}),
    "reported": SamplingParams(seed=5, logprobs=True, top_logprobs=20),
    "everything": SamplingParams(
        seed=6,
        temperature=1.3,
        top_k=200,
        top_p=0.95,
        min_p=0.001,
        presence_penalty=0.5,
        frequency_penalty=0.3,
        repetition_penalty=1.2,
        logit_bias={9: -1.0, 12: 1.5},
        logprobs=True,
        top_logprobs=3,
    ),
}


def check(device: torch.device) -> None:
    """Several tokens of every kind, whose penalties grow on the device, as the processor's."""
    source = torch.Generator().manual_seed(5)
    room = torch.zeros(len(SAMPLINGS), VOCABULARY, device=device)
    recorder = graphs.OnCuda() if device.type == "cuda" else lambda compute: compute
    here, there = Sampler(VOCABULARY), RecordedSampler(room, recorder)
    mine, others = _rows(), _rows()
    for _ in range(6):
        logits = torch.randn(room.shape, generator=source) * 4
        there.choose(logits.to(device), others)  # comes to nothing: it is chosen again
        wanted, found = here.sample(logits.clone(), mine), there.sample(logits.to(device), others)
        assert found.tokens == wanted.tokens, f"{found.tokens}, not {wanted.tokens}"  # noqa: S101 - a check
        for number, known in wanted.logprobs.items():
            told = torch.tensor([found.logprobs[number].chosen, *_values(found.logprobs[number])])
            off = told - torch.tensor([known.chosen, *_values(known)])
            assert off.abs().max() < NEAR, f"log-probabilities of row {number} are off"  # noqa: S101 - a check
        for row, other, token in zip(mine, others, wanted.tokens, strict=True):
            for each in (row, other):
                each.generated += 1
                each.sampler.note(token or 0)


def seconds(device: torch.device, kind: str, count: int, vocabulary: int) -> float:
    """To choose for so many rows of one kind, until the host knows."""
    logits = torch.randn(count, vocabulary, device=device)
    recorder = graphs.OnCuda() if device.type == "cuda" else lambda compute: compute
    sampler, rows = RecordedSampler(logits, recorder), _rows([SAMPLINGS[kind]] * count)
    taken = []
    for _ in range(STEPS):
        logits.normal_()
        _finish(device)
        began = time.perf_counter()
        sampler.sample(logits, rows)
        taken.append(time.perf_counter() - began)
    return median(taken)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _rows(kinds: Iterable[SamplingParams] = SAMPLINGS.values()) -> list[Sequence]:
    rows = []
    for number, params in enumerate(kinds):
        submission = Submission([3, 9, 9, 40], params, 8)
        row = SamplerRow(params, submission.prompt, 0)
        rows.append(Sequence(submission, 0, row, slot=number))
    return rows


def _values(known: TokenLogprobs) -> list[float]:
    return [value for _, value in known.top]
