"""Keeping children alive: who dies or hangs is started again, said aloud, with growing pauses."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from config import children, console
from config.children import CannotStart

STEADY_SECONDS = 60.0  # who lived so long may fail anew without a pause
LONGEST_PAUSE = 30.0
PROBE_SECONDS = 2.0
PATIENCE = 4  # unanswered probes in a row before a child counts as hanging
LOADING_SECONDS = 300.0  # a large model takes its time before it answers at all


@dataclass(frozen=True, slots=True)
class Part:
    """A child process of the site, and how it is started, asked and stopped."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    answers: Callable[[], bool] | None = None  # False when it hangs; may take seconds
    ask_to_stop: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    version: str = ""  # when this changes, the child is started anew


@dataclass(frozen=True, slots=True)
class Trouble:
    """How a part ended that has not been well since: its exit status, and how often in a row."""

    what: str
    code: int | None
    deaths: int


@dataclass(slots=True)
class _Child:
    part: Part
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    deaths: int = 0
    trouble: Trouble | None = None
    next_start: float = 0.0
    was_asked: bool = False
    has_answered: bool = False
    silent: int = 0
    probing: threading.Thread | None = field(default=None, repr=False)

    @property
    def is_well(self) -> bool:
        return self.process is not None and (self.part.answers is None or self.has_answered)

    @property
    def hangs(self) -> bool:
        return self.silent >= PATIENCE

    def begin(self) -> None:
        self.started = time.monotonic()
        self.silent, self.has_answered, self.was_asked = 0, False, False
        self.process = self.part.start()


class Supervisor:
    """All methods are called from the main thread, which starts (and so owns) every child."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}

    def want(self, part: Part) -> None:
        """Start a part, or anew when its version has changed; watched from now on.

        Raises what its start raises (CannotStart, OSError); later failures are tried again.
        """
        known = self._children.get(part.name)
        if known and known.part.version == part.version:
            return
        self.drop(part.name)
        self._children[part.name] = child = _Child(part)
        child.begin()

    def drop(self, name: str) -> None:
        """Stop a part, and its whole process group if asking does not help; no part, no work."""
        child = self._children.get(name)
        if child and child.process:
            if not child.was_asked:
                self.ask([name])
            children.end(child.process, child.part.stop_seconds)
        self._children.pop(name, None)

    def names(self) -> set[str]:
        return set(self._children)

    def look(self) -> None:
        """One look at every child: start the dead again, end those that hang."""
        for child in self._children.values():
            if child.process is None:
                if time.monotonic() >= child.next_start:
                    self._start(child)
            elif child.process.poll() is not None:
                code = child.process.returncode
                self._mourn(child, f"ended ({_how(code)})", code)
            elif child.hangs:
                children.kill(child.process)
                self._mourn(child, "did not answer any more and was ended")
            else:
                self._probe(child)

    def keeps_dying(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.deaths > 1

    def is_well(self, name: str) -> bool:
        """It runs, and has answered since it was started."""
        child = self._children.get(name)
        return child is not None and child.is_well

    def trouble(self, name: str) -> Trouble | None:
        """How it ended the last time, unless it is well again."""
        child = self._children.get(name)
        return child.trouble if child and not child.is_well else None

    def ask(self, names: Iterable[str]) -> None:
        """Tell parts to stop, without waiting."""
        for name in names:
            child = self._children.get(name)
            if child and child.process and child.process.poll() is None:
                child.process.send_signal(child.part.ask_to_stop)
                child.was_asked = True

    def _start(self, child: _Child) -> None:
        try:
            child.begin()
        except (CannotStart, OSError) as error:
            self._mourn(child, f"could not start: {error}")

    def _mourn(self, child: _Child, what: str, code: int | None = None) -> None:
        now = time.monotonic()
        was_steady = child.is_well and now - child.started > STEADY_SECONDS
        child.deaths = 0 if was_steady else child.deaths + 1
        child.trouble = Trouble(what, code, child.deaths)
        pause = min(LONGEST_PAUSE, 0.5 * 2**child.deaths) if child.deaths > 1 else 0.0
        child.process, child.next_start = None, now + pause
        when = f"in {pause:.0f} s" if pause else "now"
        console.warning(f"The {child.part.name} {what}. Starting it again {when}.")

    def _probe(self, child: _Child) -> None:
        """Ask in a thread, so that one that hangs keeps nobody else waiting."""
        if child.part.answers is None or (child.probing and child.probing.is_alive()):
            return
        child.probing = threading.Thread(target=_ask, args=(child, child.process), daemon=True)
        child.probing.start()


def _ask(child: _Child, asked: "subprocess.Popen[bytes]") -> None:
    assert child.part.answers is not None  # noqa: S101 - for the type checker
    answered = child.part.answers()
    if child.process is asked:
        child.has_answered = child.has_answered or answered
        is_loading = not child.has_answered and time.monotonic() < child.started + LOADING_SECONDS
        child.silent = 0 if answered or is_loading else child.silent + 1
    time.sleep(PROBE_SECONDS)


def _how(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"code {returncode}"
