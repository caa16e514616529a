"""The bench for GPUs runs here on small shapes: a rare hour on one is not for finding its bugs."""

import pytest
import torch

from bench import gpu_checks, gpu_figures
from inference.engines.local.attention import prompt_mask

CPU = torch.device("cpu")
SHAPE = "mistral with a window"


@pytest.fixture(autouse=True)
def one_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_checks, "SHAPES", {SHAPE: gpu_checks.SHAPES[SHAPE]})


def test_all_checks_pass_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_checks.run(CPU) == 0
    assert capsys.readouterr().out.count("ok ") == 9


def test_a_wrong_engine_fails_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "inference.engines.local.paged_plans.prompt_mask",
        lambda begin, chunk, window, on: prompt_mask(begin, chunk, None, on),
    )
    assert gpu_checks.run(CPU)
    assert f"FAILED {SHAPE}, single precision, as generate" in capsys.readouterr().out


def test_figures_are_made_of_steps_and_of_a_full_house(capsys: pytest.CaptureFixture[str]) -> None:
    gpu_figures.run(CPU, small=True)
    told = capsys.readouterr().out
    assert "1 rows of 64: times unrecorded" in told
    assert "16 at once, 32 and 32 tokens: tokens a second" in told
    assert "8 rows of 8 adapters: of the base's speed" in told
    assert "8 rows, everything: ms to choose" in told
    assert " of 6 targets reached" in told
