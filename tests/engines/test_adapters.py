"""Rows with adapters say what peft says, in any company; rows without one notice nothing."""

import random
from collections.abc import Sequence as Rows
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engines.local import adapters
from inference.engines.local.adapters import Adapter, AdapterShelf
from inference.engines.local.sequences import Chunk, Sequence, Submission
from tests.engines.small_adapters import make_adapter, with_adapter
from tests.engines.small_models import GREEDY, VOCABULARY, Desk, reference

TIE = 1e-4  # nearer than this, rounding may decide
KINDS: dict[str, dict[str, Any]] = {
    "all": {},
    "wide": {"r": 16, "lora_alpha": 4},
    "queries": {"target_modules": ["q_proj", "v_proj"]},
    "stable": {"r": 9, "use_rslora": True},
    "late": {"layers_to_transform": [2], "r": 2},
}


def folder_of(home: Path, shape: str) -> Path:
    for seed, (name, changes) in enumerate(KINDS.items()):
        make_adapter(reference(shape), home / name, seed, **changes)
    return home


@pytest.fixture(scope="module", params=["llama", "qwen3_all_heads_tied"])
def shelf(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    return request.param, folder_of(tmp_path_factory.mktemp("adapters"), request.param)


def loaded(shape: str, home: Path, name: str) -> Adapter:
    return AdapterShelf(home, reference(shape)).get(name)


def expected(shape: str, folder: Path, prompt: Rows[int], count: int) -> list[int]:
    """What peft's `generate` says, up to the first step whose best two logits nearly tie."""
    answer = with_adapter(reference(shape), folder).generate(  # type: ignore[no-untyped-call]  # peft leaves it untyped
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.cat(answer.logits).topk(2).values
    clear = (best[:, 0] - best[:, 1] >= TIE).tolist()
    sure = clear.index(False) if False in clear else count
    tokens: list[int] = answer.sequences[0, len(prompt) :].tolist()
    return tokens[:sure]


def prompt_of(length: int, seed: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(VOCABULARY) for _ in range(length)]


def ask(desk: Desk, prompt: Rows[int], adapter: Adapter | None, count: int = 15) -> Submission:
    submission = Submission(list(prompt), GREEDY, count, adapter=adapter)
    desk.waiting.put(submission)
    return submission


@pytest.mark.parametrize("name", KINDS)
def test_alone_an_adapter_says_what_peft_says(shelf: tuple[str, Path], name: str) -> None:
    shape, home = shelf
    desk, prompt = Desk(shape), prompt_of(20, 1)
    asked = ask(desk, prompt, loaded(shape, home, name))
    desk.run()
    sure = expected(shape, home / name, prompt, 15)
    assert len(sure) > 10
    assert desk.tokens(asked)[: len(sure)] == sure
    assert desk.tokens(asked) != Desk(shape).complete(prompt, max_tokens=15)


@pytest.mark.parametrize("step_tokens", [24, 512])
def test_different_adapters_and_none_share_a_batch(
    shelf: tuple[str, Path], step_tokens: int
) -> None:
    shape, home = shelf
    desk, asked = Desk(shape, slots=12, step_tokens=step_tokens), []
    for number in range(18):
        name = [*KINDS, None][number % (len(KINDS) + 1)]
        prompt = prompt_of(3 + number * 3, number)
        adapter = loaded(shape, home, name) if name else None
        asked.append((ask(desk, prompt, adapter, 5 + number), name, prompt, 5 + number))
        desk.step()
    desk.run()
    for submission, name, prompt, count in asked:
        if name:
            sure = expected(shape, home / name, prompt, count)
            assert desk.tokens(submission)[: len(sure)] == sure
        else:
            assert desk.tokens(submission) == Desk(shape).complete(prompt, max_tokens=count)


def logits_beside(
    adapter: Adapter | None, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> list[torch.Tensor]:
    """Of a row without adapter, step by step, whose neighbour has this one."""
    seen: list[torch.Tensor] = []
    forward = desk.runner.forward
    mine = ask(desk, prompt_of(9, 1), None, 12)

    def watched(decoding: Rows[Sequence], chunks: Rows[Chunk]) -> torch.Tensor:
        computed = forward(decoding, chunks)
        rows = [*decoding, *(chunk.sequence for chunk in chunks)]
        seen.extend(computed[i].clone() for i, row in enumerate(rows) if row.submission is mine)
        return computed

    monkeypatch.setattr(desk.runner, "forward", watched)
    ask(desk, prompt_of(9, 2), adapter, 12)
    desk.run()
    return seen


def test_a_row_without_adapter_has_the_same_logits_to_the_last_bit(
    shelf: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, home = shelf
    plain = logits_beside(None, Desk(shape), monkeypatch)
    beside = logits_beside(loaded(shape, home, "all"), Desk(shape), monkeypatch)
    assert len(plain) == len(beside) == 12
    assert all(torch.equal(one, other) for one, other in zip(plain, beside, strict=True))


def test_an_adapter_that_computes_no_numbers_harms_its_own_rows_alone(
    shelf: tuple[str, Path],
) -> None:
    shape, home = shelf
    good = loaded(shape, home, "all")
    huge = Adapter("huge", {n: (d * 1e38, u * 1e38) for n, (d, u) in good.layers.items()})
    finite = {n: (d.clamp(-3e38, 3e38), u.clamp(-3e38, 3e38)) for n, (d, u) in huge.layers.items()}
    desk, prompt = Desk(shape), prompt_of(9, 1)
    bad = ask(desk, prompt, Adapter("huge", finite))
    fine, free = ask(desk, prompt, good), ask(desk, prompt, None)
    desk.run()
    assert bad in desk.errors
    sure = expected(shape, home / "all", prompt, 15)
    assert desk.tokens(fine)[: len(sure)] == sure
    assert desk.tokens(free) == Desk(shape).complete(prompt, max_tokens=15)


def test_the_shelf_keeps_those_that_were_used_last(
    shelf: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, home = shelf
    monkeypatch.setattr(adapters, "MOST_LOADED", 2)
    kept = AdapterShelf(home, reference(shape))
    first, second = kept.get("all"), kept.get("wide")
    assert kept.get("all") is first
    kept.get("late")  # second was used longest ago
    assert kept.get("all") is first
    assert kept.get("wide") is not second


def test_the_shelf_is_bounded_in_bytes_but_keeps_one(
    shelf: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, home = shelf
    monkeypatch.setattr(adapters, "MOST_BYTES", 1)
    kept = AdapterShelf(home, reference(shape))
    first = kept.get("all")
    assert kept.get("all") is first
    kept.get("late")
    assert kept.get("all") is not first
