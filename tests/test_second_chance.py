"""What fails beside others runs again alone, and that decides."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import second_chance
from tests.running import ROOT

BESIDE_OTHERS = 'def test_{}():\n    assert not os.environ.get("PYTEST_XDIST_WORKER")\n'
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A suite of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(*tests: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "test_it.py").write_text("import os\n\n\n" + "\n".join(tests))
        command = [sys.executable, "-m", "tests.second_chance", "1", "-q"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_however_many_fail_beside_others_alone_they_pass(run: Run) -> None:
    done = run(*(BESIDE_OTHERS.format(number) for number in range(60)))
    assert done.returncode == 0
    assert "60 failed beside others. They run again, alone:" in done.stdout
    assert "\ntest_it.py::test_59\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("60 passed")


def test_what_is_broken_fails_alone_and_a_few_such_tests_are_enough(run: Run) -> None:
    broken = [f"def test_{number}():\n    assert False\n" for number in range(20)]
    done = run(*broken, BESIDE_OTHERS.format("that_needs_room"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith(f"{second_chance.BROKEN} failed")


@pytest.mark.parametrize("status", [0, 2, 5])
def test_without_a_failure_nothing_runs_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    answers = iter([status])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(second_chance, "_pytest", lambda _told: next(answers))
    assert second_chance.main("2", []) == status


def test_the_second_run_has_its_time_and_the_names_without_their_groups(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[list[str]] = []

    def fails_once(told: list[str]) -> int:
        asked.append(told)
        if len(asked) == 1:
            second_chance.LAST_FAILED.parent.mkdir(parents=True)
            second_chance.LAST_FAILED.write_text('{"a.py::test[a@b c]@LIVE_server": true}')
        return 2 - len(asked)

    monkeypatch.setattr(second_chance, "_pytest", fails_once)
    assert second_chance.main("2", ["-q"]) == 0
    assert f"--session-timeout={second_chance.SECONDS}" in asked[1]
    assert json.loads(second_chance.LAST_FAILED.read_text()) == {"a.py::test[a@b c]": True}
