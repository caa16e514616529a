"""A few rows computed by compiled code say what `generate` says; the rest goes on as ever."""

import copy
import random
import sys

import pytest
import torch

from inference.engines.local.compiled import kinds
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.runner import Runner
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Chunk, Sequence, Submission
from tests.engines.small_models import GREEDY, Desk, reference, shapes
from tests.engines.test_greedy_is_generate import expected, prompt_of

UNKNOWN = {"gemma2", "gemma3"}  # norms after the layers, caps, other activations


def fast_desk(shape: str = "llama") -> Desk:
    desk = Desk(shape)
    desk.runner.speed_up()
    return desk


def counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each step that compiled code computed."""
    sizes: list[int] = []
    few = desk.runner._few
    assert few
    logits = few.logits

    def noted(decoding: list[object]) -> torch.Tensor:
        sizes.append(len(decoding))
        return logits(decoding)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(few, "logits", noted)
    return sizes


@pytest.mark.parametrize("shape", [shape for shape in shapes() if shape not in UNKNOWN])
def test_they_say_what_generate_says(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, desk = random.Random(2), fast_desk(shape)
    sizes = counted(desk, monkeypatch)
    prompts = [prompt_of(chance.randint(1, 70), chance) for _ in range(7)]
    asked = [desk.submit(prompt, max_tokens=12 + n) for n, prompt in enumerate(prompts)]
    desk.run()
    for submission, prompt in zip(asked, prompts, strict=True):
        sure = expected(shape, prompt, submission.max_tokens)
        assert desk.tokens(submission)[: len(sure)] == sure
    assert {1, 7} <= set(sizes)  # whole blocks of rows and what is left


def test_models_that_it_does_not_know_are_left_to_torch() -> None:
    for shape in UNKNOWN:
        assert fast_desk(shape).runner._few is None


def test_it_may_begin_in_the_middle_and_leaves_steps_with_prompts_to_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance, desk = random.Random(5), Desk()
    prompts = [prompt_of(chance.randint(1, 90), chance) for _ in range(19)]
    asked = [desk.submit(prompt, max_tokens=25) for prompt in prompts[:12]]
    for _ in range(12):
        desk.step()
    assert any(map(desk.tokens, asked))
    desk.runner.speed_up()
    sizes, steps = counted(desk, monkeypatch), 0
    for prompt in prompts[12:]:  # joining those under way
        asked.append(desk.submit(prompt, max_tokens=25))
        desk.step()
        steps += 1
    desk.run()
    for submission, prompt in zip(asked, prompts, strict=True):
        sure = expected("llama", prompt, 25)
        assert desk.tokens(submission)[: len(sure)] == sure
    assert max(sizes) > 8
    assert len(sizes) < steps + 25


def test_where_it_cannot_be_made_torch_goes_on_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    kinds.prepare.cache_clear()
    desk = Desk()
    asked = desk.submit([1, 2, 3], max_tokens=9)
    desk.step()
    desk.runner.speed_up()
    desk.run()
    assert [line.levelname for line in caplog.records] == ["WARNING"]
    assert desk.tokens(asked) == expected("llama", [1, 2, 3], 9)


def test_numbers_that_are_none_end_their_row_alone() -> None:
    desk = fast_desk()
    desk.submit([5, 6, 7], max_tokens=9)
    desk.submit([8, 9, 7], max_tokens=9)
    desk.step()
    good, bad = (row.submission for row in desk.steps._batch.decoding)
    keys, _ = desk.runner.cache.layer(1)
    keys[1] = torch.nan
    desk.run()
    assert set(desk.errors) == {bad}
    assert desk.tokens(good) == expected("llama", good.prompt, 9)


def test_half_precision_is_as_near_to_single_as_torch_is() -> None:
    prompt = prompt_of(20, random.Random(4))
    with torch.inference_mode():
        whole = reference("qwen3")(torch.tensor([prompt])).logits[0, -1]
    model = copy.deepcopy(reference("qwen3")).to(torch.bfloat16)  # type: ignore[arg-type]  # transformers' wrapper hides torch's signature
    runner = Runner(model, SlotCache(CacheShape.of(model.config), 2, 64, model.dtype, model.device))
    rows = [a_row(prompt)]
    runner.forward([], [Chunk(rows[0], 0, len(prompt) - 1)])
    rows[0].length, rows[0].last_token = len(prompt) - 1, prompt[-1]
    plain = runner.forward(rows, []).clone()
    runner.speed_up()
    assert runner._few
    fast = runner.forward(rows, [])
    assert 0 < (fast - whole).abs().max() < 2 * (plain - whole).abs().max()


def a_row(prompt: list[int]) -> Sequence:
    submission = Submission(prompt, GREEDY, 5)
    state = SamplerRow(GREEDY, prompt, 0)
    row = Sequence(submission, 0, state, None)
    row.slot = 0
    return row
