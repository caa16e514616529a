"""Recorded decode steps say what other steps say, whatever they are filled up with.

A recording is played here by computing again from the same buffers; only a GPU records in earnest.
"""

import random

import pytest
import torch

from inference.engines.local import graphs
from inference.engines.local.graphs import Compute
from inference.engines.local.sequences import StepEvents
from tests.engines.small_models import CONTEXT, GREEDY, VOCABULARY, Desk, shapes


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Compute]:
    """What was recorded."""
    monkeypatch.setattr(graphs, "SHORTEST", 16)
    return []


def desk_of(recorded: list[Compute], shape: str = "llama", slots: int = 12) -> Desk:
    def record(compute: Compute) -> Compute:
        recorded.append(compute)
        compute()  # as warming up does
        return compute

    return Desk(shape, slots=slots, step_tokens=24, record=record)


@pytest.mark.parametrize("shape", shapes())
def test_answers_are_the_same_alone_and_in_a_batch(shape: str, recorded: list[Compute]) -> None:
    chance = random.Random(3)
    desk, plain = desk_of(recorded, shape), Desk(shape, slots=12, step_tokens=24)
    asked = []
    for _ in range(14):
        prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 60))]
        count = chance.randint(2, 40)
        asked.append((desk.submit(prompt, GREEDY, count), plain.submit(prompt, GREEDY, count)))
        desk.step()
        plain.step()
    desk.run()
    plain.run()
    assert [desk.tokens(mine) for mine, _ in asked] == [plain.tokens(other) for _, other in asked]
    assert 3 < len(recorded) <= 4 * 4  # 1 to 8 rows or all 12, 16 to 128 keys


def test_a_prompt_in_work_beside_a_recorded_step_is_not_overwritten(
    recorded: list[Compute],
) -> None:
    """Slots after the decoding rows' are in the recording's reach."""
    desk = desk_of(recorded)
    rows = [desk.submit([n, 5, 9], GREEDY, 60) for n in range(3)]
    desk.step()
    desk.step()
    prompt = [n * 7 % 150 for n in range(100)]
    long = desk.submit(prompt)
    desk.steps.admit(desk.waiting)
    slot = next(row.slot for row in desk.steps._batch.rows if row.submission is long)
    marked = desk.runner.cache.get(slot, 0, CONTEXT) + 7
    desk.runner.cache.put(slot, 0, marked)
    desk.runner._graphs.logits(desk.steps._batch.decoding)  # type: ignore[union-attr]  # it has some
    assert torch.equal(desk.runner.cache.get(slot, 0, CONTEXT), marked)
    assert len(rows) == 3


def test_what_will_be_needed_first_is_recorded_at_the_start(recorded: list[Compute]) -> None:
    desk = desk_of(recorded, slots=6)
    desk.runner.warm_up()
    assert len(recorded) == 4  # 1, 2, 4 and all 6 rows
    desk.submit([1, 2, 3], GREEDY, 5)
    told: list[StepEvents] = [desk.step() for _ in range(5)]
    assert all(told)
    assert len(recorded) == 4
