"""Recorded decode steps say what other steps say, whatever they are filled up with, and what they
say is handed out while the next one is computed.

The recorder refuses what a GPU could not record, and plays operations, not Python (`recording`).
"""

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engines.base import SamplingParams
from inference.engines.local import graphs
from inference.engines.local.adapters import AdapterShelf
from inference.engines.local.chosen import Chosen, Sampled
from inference.engines.local.paged import BLOCK
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.sequences import StepEvents, Submission
from tests.engines.recording import NotRecordable, Recorder
from tests.engines.small_adapters import make_adapter
from tests.engines.small_models import CONTEXT, GREEDY, VOCABULARY, Desk, reference, shapes

SAMPLINGS = [
    GREEDY,
    SamplingParams(seed=1),
    SamplingParams(seed=2, top_p=0.8, top_k=30),
    SamplingParams(temperature=0, logprobs=True, top_logprobs=2),
    SamplingParams(seed=3, presence_penalty=1, logit_bias={4: 1.0}),
    SamplingParams(seed=5, repetition_penalty=1.4, min_p=0.02, n=3, logprobs=True),
    SamplingParams(seed=4, n=2),
]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(graphs, "SHORTEST", 16)
    return Recorder()


def desk_of(recorder: Recorder, shape: str = "llama", slots: int = 12) -> Desk:
    return Desk(shape, slots=slots, step_tokens=24, record=recorder)


@pytest.mark.parametrize("shape", shapes())
def test_answers_are_the_same_alone_and_in_a_batch(shape: str, recorder: Recorder) -> None:
    chance = random.Random(3)
    desk, plain = desk_of(recorder, shape), Desk(shape, slots=12, step_tokens=24)
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
    assert 3 < recorder.recorded <= 4 * 4 + 5  # 1 to 8 rows or all 12, 16 to 128 keys; choosing


def test_every_way_of_sampling_says_the_same_late_as_at_once(recorder: Recorder) -> None:
    chance = random.Random(5)
    desk, plain = desk_of(recorder), Desk("llama", slots=12, step_tokens=24)
    asked = []
    for number in range(24):
        prompt = [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 30))]
        sampling = SAMPLINGS[number % len(SAMPLINGS)]
        count = chance.randint(1, CONTEXT - len(prompt))
        asked.append((desk.submit(prompt, sampling, count), plain.submit(prompt, sampling, count)))
        for _ in range(chance.randint(0, 9)):
            desk.step()
            plain.step()
    desk.run()
    plain.run()
    for mine, other in asked:
        for index in range(mine.sampling.n):
            assert desk.tokens(mine, index) == plain.tokens(other, index)
            told = zip(desk.told(mine, index), plain.told(other, index), strict=True)
            assert all(bool(one.logprobs) == bool(two.logprobs) for one, two in told)
            assert len(desk.tokens(mine, index)) == mine.max_tokens


def test_tokens_are_handed_out_while_the_next_ones_are_computed(recorder: Recorder) -> None:
    desk = desk_of(recorder)
    asked = desk.submit([1, 2, 3], GREEDY, 6)
    told: list[tuple[int, int]] = []
    while not told or desk.steps.running:
        desk.step()
        told.append((len(desk.tokens(asked)), desk.steps.kept_tokens))
    # The prompt's step gives a token; the next one none yet; the last one computes nothing.
    assert [tokens for tokens, _ in told] == [1, 1, 2, 3, 4, 5, 6]
    assert [kept for _, kept in told] == [3, 4, 5, 6, 7, 8, 0]


def test_rows_that_give_way_say_what_they_say_where_there_is_room(recorder: Recorder) -> None:
    """Whatever they ask for: they are computed again with what they have said."""
    desk = Desk("llama", slots=8, step_tokens=24, record=recorder, blocks=CONTEXT // BLOCK + 4)
    plain, asked = Desk("llama", slots=12), []
    for number, way in enumerate(SAMPLINGS):
        prompt = [number, 5, 9]
        asked.append((desk.submit(prompt, way, 50), plain.submit(prompt, way, 50)))
    desk.run()
    plain.run()
    assert desk.steps._room.given_way > 3
    for mine, other in asked:
        for index in range(mine.sampling.n):
            assert desk.tokens(mine, index) == plain.tokens(other, index)


@pytest.mark.parametrize("way", SAMPLINGS)
def test_no_row_makes_the_device_wait(
    way: SamplingParams, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step is on its way before this one's tokens are read."""
    desk, done = desk_of(recorder), []
    choose, read = RecordedSampler.choose, Chosen.read

    def choosing(self: RecordedSampler, *of: Any) -> Chosen:
        done.append("chosen")
        return choose(self, *of)

    def reading(self: Chosen) -> Sampled:
        done.append("read")
        return read(self)

    monkeypatch.setattr(RecordedSampler, "choose", choosing)
    monkeypatch.setattr(Chosen, "read", reading)
    desk.submit([1, 2, 3], way, 6)
    desk.run()
    assert done == ["chosen", "read", "chosen", *["chosen", "read"] * 5]


def test_rows_beside_a_prompt_are_recorded(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk("llama", slots=12, step_tokens=17, record=recorder)
    plain = Desk("llama", slots=12)
    prompts = [[5, 9, 33], [n * 7 % 150 for n in range(60)]]
    row = desk.submit(prompts[0], GREEDY, 20)
    for _ in range(8):
        desk.step()
    computed: list[int] = []
    packed = desk.runner._packed
    logits = packed.logits

    def counting(tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        computed.append(len(tokens))
        return logits(tokens, *rest)

    monkeypatch.setattr(packed, "logits", counting)
    long = desk.submit(prompts[1], GREEDY, 5)
    before = len(desk.tokens(row))
    desk.step()
    desk.step()
    assert len(desk.tokens(row)) == before + 2
    assert computed == [16]  # the prompt's first piece alone
    desk.run()
    assert desk.tokens(row) == plain.complete(prompts[0], max_tokens=20)
    assert desk.tokens(long) == plain.complete(prompts[1], max_tokens=5)


def test_who_leaves_between_two_steps_takes_nothing_along(recorder: Recorder) -> None:
    desk, plain = desk_of(recorder), Desk("llama", slots=12)
    prompts = [[n + 1, 5, 9 + n] for n in range(4)]
    asked = [desk.submit(prompt, GREEDY, 30) for prompt in prompts]
    for _ in range(5):
        desk.step()
    asked[0].cancelled = True
    desk.steps.drop_cancelled()
    late = desk.submit([7, 7, 7], GREEDY, 9)  # comes into a slot that the step under way writes to
    desk.run()
    for prompt, mine in zip(prompts[1:], asked[1:], strict=True):
        assert desk.tokens(mine) == plain.complete(prompt, max_tokens=30)
    assert desk.tokens(late) == plain.complete([7, 7, 7], max_tokens=9)
    assert len(desk.tokens(asked[0])) < 5


def test_numbers_that_are_none_end_their_row_alone(recorder: Recorder) -> None:
    desk, plain = desk_of(recorder), Desk("llama", slots=12)
    bad, good = desk.submit([1, 2, 3], GREEDY, 20), desk.submit([4, 5, 6], GREEDY, 20)
    for _ in range(4):
        desk.step()
    row = next(row for row in desk.steps._batch.rows if row.submission is bad)
    desk.runner.cache.put(row.slot, 0, desk.runner.cache.get(row.slot, 0, 2) * torch.nan)
    desk.run()
    assert bad in desk.errors
    assert desk.tokens(good) == plain.complete([4, 5, 6], max_tokens=20)


def test_adapters_that_stay_together_are_recorded(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(graphs, "STEADY", 4)
    for seed, name in enumerate(["one", "two"]):
        make_adapter(reference("llama"), tmp_path / name, seed)
    shelf = AdapterShelf(tmp_path, reference("llama"))
    desk, plain = desk_of(recorder), Desk("llama", slots=12)
    asked = []
    for number, adapter in enumerate([shelf.get("one"), None, shelf.get("two")]):
        pair = [Submission([number, 8, 9], GREEDY, 25, adapter=adapter) for _ in range(2)]
        desk.waiting.put(pair[0])
        plain.waiting.put(pair[1])
        asked.append(pair)
    desk.run()
    plain.run()
    assert [desk.tokens(mine) for mine, _ in asked] == [plain.tokens(other) for _, other in asked]
    assert 3 <= recorder.recorded <= 4  # 16 and 32 keys; and choosing for 1 and 4 rows


def test_where_recording_has_no_room_steps_go_on_without(recorder: Recorder) -> None:
    def record(compute: graphs.Compute) -> graphs.Compute:
        raise torch.OutOfMemoryError("CUDA out of memory")

    desk, plain = Desk("llama", record=record), Desk("llama")
    assert desk.complete([1, 2, 3]) == plain.complete([1, 2, 3])


def test_a_prompt_in_work_beside_a_recorded_step_is_not_overwritten(recorder: Recorder) -> None:
    """Slots after the decoding rows' are in the recording's reach."""
    desk = desk_of(recorder)
    rows = [desk.submit([n, 5, 9], GREEDY, 60) for n in range(3)]
    desk.step()
    desk.step()
    prompt = [n * 7 % 150 for n in range(100)]
    long = desk.submit(prompt)
    desk.steps.admit(desk.waiting)
    slot = next(row.slot for row in desk.steps._batch.rows if row.submission is long)
    marked = desk.runner.cache.get(slot, 0, CONTEXT) + 7
    desk.runner.cache.put(slot, 0, marked)
    desk.runner.replayed(desk.steps._batch.decoding, None)
    assert torch.equal(desk.runner.cache.get(slot, 0, CONTEXT), marked)
    assert len(rows) == 3


def test_what_will_be_needed_first_is_recorded_at_the_start(recorder: Recorder) -> None:
    desk = desk_of(recorder, slots=6)
    desk.runner.warm_up()
    assert recorder.recorded == 4 * 4  # 1, 2, 4 and all 6 rows, and three ways to choose for each
    desk.submit([1, 2, 3], GREEDY, 5)
    told: list[StepEvents] = [desk.step() for _ in range(6)]
    assert len(told) == 6
    assert not desk.steps.running
    assert recorder.recorded == 4 * 4


@pytest.mark.parametrize(
    "step",
    [
        lambda numbers: torch.tensor([1.0, 2.0]) + numbers,
        lambda numbers: numbers[numbers > 1],
        lambda numbers: numbers * numbers.sum().item(),
        lambda numbers: numbers.nonzero(),
    ],
)
def test_the_recorder_itself_refuses_what_a_gpu_would(step: graphs.Compute) -> None:
    numbers = torch.ones(2)
    with pytest.raises(NotRecordable):
        Recorder()(lambda: step(numbers))  # type: ignore[call-arg]  # these take what they change


def test_the_recorder_itself_plays_on_the_same_memory() -> None:
    numbers = torch.ones(2)
    play = Recorder()(lambda: numbers.mul(2).add_(1))
    first = play()
    numbers.fill_(5)
    assert play() is first
    assert first.tolist() == [11, 11]
