"""Without a wish, the KV cache takes what the machine, or its container, can spare."""

import os
from pathlib import Path

import pytest
import torch

from inference.engines.local import memory

TOTAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No container, and all memory free."""
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "LIMIT", tmp_path / "max")
    monkeypatch.setattr(memory, "USED", tmp_path / "current")
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {TOTAL // 1024} kB\n")
    return tmp_path


def test_a_quarter_of_the_memory_at_most() -> None:
    assert memory.spare(CPU) == TOTAL // 4


def test_half_of_what_is_free_when_that_is_less(files: Path) -> None:
    (files / "meminfo").write_text("MemFree: 7 kB\nMemAvailable: 3000 kB\n")
    assert memory.spare(CPU) == 1500 * 1024


def test_a_container_has_what_its_limit_leaves(files: Path) -> None:
    (files / "max").write_text("5000\n")
    (files / "current").write_text("2000\n")
    assert memory.spare(CPU) == 1500
    (files / "max").write_text("max\n")
    assert memory.spare(CPU) == TOTAL // 4


def test_where_nothing_tells_half_of_the_memory_counts_as_free(files: Path) -> None:
    (files / "meminfo").unlink()
    assert memory.available() == TOTAL // 2


def test_a_gpu_keeps_a_fifth_of_what_is_free_or_what_a_step_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    assert memory.spare(torch.device("cuda"), 100) == 800
    assert memory.spare(torch.device("cuda"), 300) == 700
    assert memory.spare(torch.device("cuda"), 2000) == 0
