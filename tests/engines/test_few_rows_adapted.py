"""A few rows with adapters by compiled code say what peft says; others notice nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engines.small_adapters import make_adapter
from tests.engines.small_models import Desk, reference
from tests.engines.test_adapters import ask, expected, loaded, logits_beside, prompt_of
from tests.engines.test_few_rows import counted, fast_desk

SHAPE = "qwen3_all_heads_tied"
KINDS: dict[str, dict[str, Any]] = {
    "all": {"r": 8},
    "wide": {"r": 16, "lora_alpha": 4},
    "queries": {"r": 4, "target_modules": ["q_proj", "v_proj"]},
    "late": {"r": 4, "layers_to_transform": [2]},
    "odd": {"r": 9},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    for seed, (name, changes) in enumerate(KINDS.items()):
        make_adapter(reference(SHAPE), folder / name, seed, **changes)
    return folder


def test_rows_of_different_adapters_and_of_none_say_what_peft_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = fast_desk(SHAPE)
    sizes = counted(desk, monkeypatch)
    names = ["all", "wide", None, "queries", "late", "all", None, "wide"]
    adapters = {name: loaded(SHAPE, home, name) for name in names if name}
    asked = [
        (
            ask(desk, prompt_of(4 + 3 * n, n), adapters[name] if name else None, 8 + 3 * n),
            name,
            8 + 3 * n,
        )
        for n, name in enumerate(names)
    ]
    desk.run()
    for submission, name, count in asked:
        if name:
            sure = expected(SHAPE, home / name, submission.prompt, count)
            assert desk.tokens(submission)[: len(sure)] == sure
        else:
            plain = Desk(SHAPE).complete(submission.prompt, max_tokens=count)
            assert desk.tokens(submission) == plain
    assert {1, 8} <= set(sizes)  # the company changes, row by row


def test_a_rank_that_its_loops_do_not_fit_is_left_to_torch(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = fast_desk(SHAPE)
    sizes = counted(desk, monkeypatch)
    prompt = prompt_of(9, 1)
    odd = ask(desk, prompt, loaded(SHAPE, home, "odd"), 12)
    desk.run()
    sure = expected(SHAPE, home / "odd", prompt, 12)
    assert desk.tokens(odd)[: len(sure)] == sure
    assert sizes == []


def test_a_row_without_adapter_notices_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = logits_beside(None, fast_desk(SHAPE), monkeypatch)
    beside = logits_beside(loaded(SHAPE, home, "all"), fast_desk(SHAPE), monkeypatch)
    assert len(plain) == len(beside) == 12
    assert all(torch.equal(one, other) for one, other in zip(plain, beside, strict=True))
