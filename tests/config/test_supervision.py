"""Children that die or hang are started again, with pauses that grow; a stop is asked for once."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from config import children, supervision
from config.children import CannotStart
from config.supervision import Part, Supervisor
from tests.patience import PATIENCE
from tests.running import wait_until

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    for name in made.names():
        made.drop(name)


@dataclass
class Starter:
    """Makes parts, and remembers every process that they started, in order."""

    folder: Path
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def part(
        self,
        code: str = SLEEP,
        answers: Callable[[], bool] | None = None,
        stop_seconds: float = 5.0,
        version: str = "",
    ) -> Part:
        return Part(
            "part",
            start=lambda: self._start(code),
            answers=answers,
            stop_seconds=stop_seconds,
            version=version,
        )

    def _start(self, code: str) -> "subprocess.Popen[bytes]":
        self.started.append(children.spawn([sys.executable, "-c", code], log=self.folder / "log"))
        return self.started[-1]


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    return Starter(tmp_path)


def look_until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    def looked() -> bool:
        supervisor.look()
        return done()

    wait_until(looked, PATIENCE, "seen")


def test_a_dead_child_is_started_again_and_said(
    supervisor: Supervisor,
    starter: Starter,
    capfd: pytest.CaptureFixture[str],
) -> None:
    supervisor.want(starter.part())
    starter.started[0].kill()
    starter.started[0].wait()
    supervisor.look()
    supervisor.look()
    assert len(starter.started) == 2
    assert "The part ended (SIGKILL). Starting it again now." in capfd.readouterr().err


def test_one_that_keeps_dying_is_given_growing_pauses(
    supervisor: Supervisor,
    starter: Starter,
    capfd: pytest.CaptureFixture[str],
) -> None:
    supervisor.want(starter.part("raise SystemExit(3)"))
    look_until(supervisor, lambda: len(starter.started) == 2)
    starter.started[1].wait()
    supervisor.look()
    supervisor.look()
    assert len(starter.started) == 2
    assert supervisor.keeps_dying("part")
    assert "(code 3). Starting it again in 2 s." in capfd.readouterr().err


def test_one_that_stops_answering_is_ended_and_started_again(
    supervisor: Supervisor,
    starter: Starter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "PROBE_SECONDS", 0.01)
    answers = iter([True, True, False, False, True, False, False, False])
    supervisor.want(starter.part(answers=lambda: next(answers, False)))
    look_until(supervisor, lambda: len(starter.started) == 2)
    assert starter.started[0].wait(PATIENCE) == -signal.SIGKILL
    assert next(answers, None) is None  # two silent probes were forgiven


def test_one_that_still_loads_is_left_alone(
    supervisor: Supervisor,
    starter: Starter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "PROBE_SECONDS", 0.0)
    asked = count()
    supervisor.want(starter.part(answers=lambda: next(asked) < 0))
    look_until(supervisor, lambda: next(asked) > 20)
    assert len(starter.started) == 1


def test_a_stop_that_is_not_heard_ends_in_a_kill(supervisor: Supervisor, starter: Starter) -> None:
    supervisor.want(starter.part(STUBBORN, stop_seconds=0.3))
    wait_until(lambda: _ignores_sigterm(starter.started[0].pid), PATIENCE, "it is stubborn")
    supervisor.drop("part")
    assert starter.started[0].poll() == -signal.SIGKILL
    assert supervisor.names() == set()


def _ignores_sigterm(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    ignored = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    return bool(ignored >> (signal.SIGTERM - 1) & 1)


def test_a_part_of_another_version_replaces_the_old_one(
    supervisor: Supervisor, starter: Starter
) -> None:
    supervisor.want(starter.part(version="1"))
    supervisor.want(starter.part(version="1"))
    assert len(starter.started) == 1
    supervisor.want(starter.part(version="2"))
    assert len(starter.started) == 2
    assert starter.started[0].poll() is not None


def test_the_first_start_of_a_part_tells_its_reason(supervisor: Supervisor) -> None:
    def refuse() -> "subprocess.Popen[bytes]":
        raise CannotStart("No space left.")

    with pytest.raises(CannotStart, match="No space left"):
        supervisor.want(Part("part", refuse))


PARENT = """
import sys, time
from pathlib import Path
from config import children
child = children.spawn([sys.executable, "-c", sys.argv[1]], log=Path(sys.argv[2]))
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed with -9 and cannot say goodbye."""
    command = [sys.executable, "-c", PARENT, SLEEP, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.exists()
        parent.kill()
    wait_until(lambda: not child.exists() or _is_zombie(child), PATIENCE, "the child's end")


def _is_zombie(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
