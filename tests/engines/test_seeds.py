"""A seed gives the same text alone, in any company, in any slot and at any time."""

import random
from collections import Counter

import pytest
import torch

from inference.engines.base import SamplingParams
from inference.engines.local.noise import gumbel, row_keys, token_hashes
from tests.engines.small_models import VOCABULARY, Desk, reference

PROMPT = [5, 9, 33, 7]
WAYS = [
    SamplingParams(seed=42),
    SamplingParams(seed=42, temperature=1.6, top_k=30),
    SamplingParams(seed=42, top_p=0.9),
    SamplingParams(seed=-3, min_p=0.02, frequency_penalty=0.5),
]


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_text_in_any_batch(way: SamplingParams) -> None:
    alone = Desk().complete(PROMPT, way, 30)
    chance = random.Random(1)
    desk = Desk(slots=9, step_tokens=32)
    asked = []
    for number in range(16):
        if number % 4 == 3:
            asked.append(desk.submit(PROMPT, way, 30))
        else:
            prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 60))]
            desk.submit(prompt, SamplingParams(top_p=chance.random()), chance.randint(1, 40))
        desk.step()
    desk.run()
    assert all(desk.tokens(submission) == alone for submission in asked)


def test_other_seeds_and_no_seed_give_other_texts() -> None:
    desk = Desk()
    seeds = [SamplingParams(seed=seed, temperature=2.0) for seed in (1, 2, None, None)]
    texts = {tuple(desk.complete(PROMPT, way, 30)) for way in seeds}
    assert len(texts) == 4


def test_choices_of_one_seed_differ_and_stay_the_same() -> None:
    way = SamplingParams(seed=8, temperature=2.0, n=3)
    texts = []
    for slots in (3, 7):
        desk = Desk(slots=slots)
        submission = desk.submit(PROMPT, way, 20)
        desk.run()
        texts.append([desk.tokens(submission, index) for index in range(3)])
    assert texts[0] == texts[1]
    assert len({tuple(text) for text in texts[0]}) == 3


def test_draws_follow_the_models_probabilities() -> None:
    """Chi-squared over the first token of many seeds, temperature 1."""
    with torch.inference_mode():
        logits = reference("llama")(torch.tensor([PROMPT])).logits[0, -1]
    chances = logits.softmax(-1)
    draws = 20_000
    seeds = torch.arange(draws, dtype=torch.int64).numpy().astype("uint64")
    keys = torch.from_numpy(row_keys(seeds, 0 * seeds))
    noise = gumbel(keys, token_hashes(VOCABULARY, torch.device("cpu")))
    counts = Counter((logits + noise).argmax(-1).tolist())
    usual = [token for token in range(VOCABULARY) if chances[token] * draws > 20]
    squares = [(counts[t] - chances[t] * draws) ** 2 / (chances[t] * draws) for t in usual]
    assert len(usual) > 10
    assert float(sum(squares)) < len(usual) + 5 * (2 * len(usual)) ** 0.5
