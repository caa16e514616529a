"""Greedy answers are those of `generate` while everything happens at once: prompts in pieces,
beginnings that are known, choices that fork, rows that leave and move, steps that are recorded,
and a cache in blocks of which there are too few."""

import random

import pytest

from inference.engines.base import SamplingParams
from inference.engines.local import graphs, kv
from inference.engines.local.sequences import Submission
from tests.engines.recording import Recorder
from tests.engines.small_models import GREEDY, VOCABULARY, Desk, shapes
from tests.engines.test_greedy_is_generate import expected

PIECE = 8
FEW = 11  # blocks: a context and a little

RECORDED = ("llama_wide_heads_tied", "mistral_window", "qwen3", "gemma2", "gemma3")


@pytest.mark.parametrize(
    ("shape", "recorded", "blocks"),
    [
        *((shape, False, None) for shape in shapes()),
        *((shape, True, None) for shape in RECORDED),
        *((shape, False, FEW) for shape in shapes()),
        *((shape, True, FEW) for shape in RECORDED),
    ],
)
def test_all_at_once(
    shape: str, recorded: bool, blocks: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv, "PIECE", PIECE)
    monkeypatch.setattr(graphs, "SHORTEST", 32)
    chance = random.Random(9)
    record = Recorder() if recorded else None
    desk = Desk(shape, slots=9, step_tokens=20, prefix_bytes=1 << 24, record=record, blocks=blocks)
    beginnings = [[chance.randrange(VOCABULARY) for _ in range(size)] for size in (19, 45, 70)]
    asked: list[Submission] = []
    for number in range(18):
        prompt = beginnings[number % 3][:]
        prompt += [chance.randrange(VOCABULARY) for _ in range(chance.randint(0, 9))]
        sampling = SamplingParams(temperature=0, n=2) if number % 5 == 4 else GREEDY
        asked.append(desk.submit(prompt, sampling, chance.randint(3, 30)))
        for _ in range(chance.randint(0, 6)):
            desk.step()
        if number % 4 == 3:  # somebody leaves, wherever the answer stands
            asked.pop(chance.randrange(len(asked))).cancelled = True
            desk.steps.drop_cancelled()
    desk.run()
    assert any(submission.cached for submission in asked)
    assert bool(desk.steps.given_way) == (blocks is not None)
    for submission in asked:
        sure = expected(shape, submission.prompt, submission.max_tokens)
        for index in range(submission.sampling.n):
            assert len(desk.tokens(submission, index)) == submission.max_tokens
            assert desk.tokens(submission, index)[: len(sure)] == sure
