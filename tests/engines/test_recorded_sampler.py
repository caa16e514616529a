"""A device's sampler chooses what the processor's chooses, for whatever rows ask for, from step to
step, and when steps come to nothing."""

import random

import pytest
import torch

from inference.engines.base import SamplingParams
from inference.engines.local.chosen import Sampled
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.sampler import Sampler
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Sequence, Submission
from tests.engines.recording import Recorder

VOCABULARY = 300
SLOTS = 6


def wish(chance: random.Random) -> SamplingParams:
    """Each is asked for or not, on its own."""

    def perhaps(value: float, otherwise: float) -> float:
        return value if chance.random() < 0.4 else otherwise

    return SamplingParams(
        temperature=perhaps(0.0, chance.uniform(0.3, 2.5)),
        top_k=int(perhaps(chance.randint(1, 120), 0)),
        top_p=perhaps(chance.uniform(0.05, 0.999), 1.0),
        min_p=perhaps(chance.uniform(0.001, 0.3), 0.0),
        presence_penalty=perhaps(chance.uniform(-2, 2), 0.0),
        frequency_penalty=perhaps(chance.uniform(-2, 2), 0.0),
        repetition_penalty=perhaps(chance.uniform(0.7, 1.8), 1.0),
        logit_bias={chance.randrange(VOCABULARY): chance.uniform(-5, 5) for _ in range(2)}
        if chance.random() < 0.3
        else {},
        seed=chance.randrange(1 << 40),
        logprobs=chance.random() < 0.3,
        top_logprobs=chance.randint(0, 20),
    )


def sequence(params: SamplingParams, prompt: list[int], slot: int) -> Sequence:
    submission = Submission(prompt, params, 99)
    return Sequence(submission, 0, SamplerRow(params, prompt, 0), slot=slot)


class Pair:
    """The same rows in both samplers."""

    def __init__(self, recorder: Recorder) -> None:
        self.mine: list[Sequence] = []
        self.others: list[Sequence] = []
        self.device = RecordedSampler(torch.zeros(SLOTS, VOCABULARY), recorder)
        self._processor = Sampler(VOCABULARY)

    def join(self, params: SamplingParams, prompt: list[int]) -> None:
        for rows in (self.mine, self.others):
            rows.append(sequence(params, prompt, len(rows)))

    def leave(self, index: int) -> None:
        for rows in (self.mine, self.others):
            rows.pop(index).slot = -1

    def step(self, logits: torch.Tensor) -> list[int | None]:
        wanted = self._processor.sample(logits.clone(), self.others)
        found = self.device.sample(logits.clone(), self.mine)
        assert found.tokens == wanted.tokens
        assert untied(found) == untied(wanted)
        for row, other, token in zip(self.mine, self.others, found.tokens, strict=True):
            for each in (row, other):
                each.generated += 1
                each.sampler.note(token or 0)
        return found.tokens


def untied(told: Sampled) -> dict[int, tuple[float | None, list[float], set[int]]]:
    """Their log-probabilities, in an order that equally likely ones cannot differ in."""
    found = {}
    for row, known in told.logprobs.items():
        values = [value for _, value in known.top]
        sure = {
            token for token, value in known.top if values.count(value) == 1 and value > min(values)
        }
        found[row] = known.chosen, values, sure
    return found


@pytest.fixture
def pair() -> Pair:
    return Pair(Recorder())


@pytest.mark.parametrize("seed", range(6))
def test_any_wishes_side_by_side_say_what_the_processor_says(pair: Pair, seed: int) -> None:
    """Rows come, leave and change places; logits are near each other, and many are the same."""
    chance = random.Random(seed)
    source = torch.Generator().manual_seed(seed)
    for _ in range(60):
        while len(pair.mine) < SLOTS and chance.random() < 0.5:
            pair.join(wish(chance), [chance.randrange(VOCABULARY) for _ in range(9)])
        if not pair.mine:
            continue
        logits = torch.randn(len(pair.mine), VOCABULARY, generator=source) * 2
        logits = logits.bfloat16().float() if chance.random() < 0.5 else logits
        if chance.random() < 0.3:  # it was chosen already, and nobody took it
            pair.device.choose(logits.clone(), pair.mine)
        pair.step(logits)
        if chance.random() < 0.2:
            pair.leave(chance.randrange(len(pair.mine)))


def test_a_row_that_comes_again_stands_where_it_stood(pair: Pair) -> None:
    """Its place may be another's by then; what it has said is what the host knows of it."""
    way = SamplingParams(temperature=0, frequency_penalty=0.7, presence_penalty=0.3)
    pair.join(way, [1, 2])
    logits = torch.randn(1, VOCABULARY, generator=torch.Generator().manual_seed(1))
    logits[0, 7] += 9
    for _ in range(4):
        pair.step(logits)
    pair.device.choose(logits.clone(), pair.mine, ahead=())  # under way when it has to leave
    row, other = pair.mine.pop(), pair.others.pop()
    row.slot = -1
    for _ in range(SLOTS):
        pair.join(SamplingParams(seed=3, presence_penalty=1), [5])
    pair.step(logits.expand(SLOTS, -1))
    pair.leave(0)
    row.slot, pair.mine, pair.others = 0, [row, *pair.mine], [other, *pair.others]
    for _ in range(12):
        pair.step(logits.expand(SLOTS, -1))


def test_tokens_that_the_host_has_not_read_count_for_penalties() -> None:
    sampler = RecordedSampler(torch.zeros(1, VOCABULARY), Recorder())
    row = sequence(SamplingParams(temperature=0, presence_penalty=2), [1], 0)
    logits = torch.zeros(1, VOCABULARY)
    logits[0, 7], logits[0, 9] = 1.5, 1.0
    late = [sampler.choose(logits.clone(), [row])]
    late.append(sampler.choose(logits.clone(), [row], ahead={row}))
    assert [each.read().tokens for each in late] == [[7], [9]]


def test_numbers_that_are_none_are_told_of_their_row_alone(pair: Pair) -> None:
    for seed in range(4):
        pair.join(SamplingParams(seed=seed, top_p=0.9, presence_penalty=seed), [seed])
    logits = torch.randn(4, VOCABULARY)
    logits[1, 5], logits[2] = torch.nan, torch.inf
    tokens = pair.step(logits)
    assert [token is None for token in tokens] == [False, True, True, False]


def test_a_way_that_is_recorded_later_disturbs_nobody(pair: Pair) -> None:
    """Recording runs the program: on what the rows before have left, and the next ones' logits."""
    pair.join(SamplingParams(temperature=0, presence_penalty=1), [1])
    logits = torch.randn(1, VOCABULARY)
    pair.step(logits)
    pair.join(SamplingParams(seed=1, top_p=0.5, logprobs=True), [1])
    pair.device.room[:2] = logits  # as a recorded step leaves them
    play = pair.device.sample(pair.device.room[:2], pair.mine)
    assert play == Sampler(VOCABULARY).sample(logits.repeat(2, 1), pair.others)
