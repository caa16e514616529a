"""Child processes that never outlive us: started with a death signal, stopped as a group."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LAST_BYTES = 16 * 1024
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotStart(Exception):
    """A reason that a person can mend, said in one sentence."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a child runs as."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    on_our_death: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a child in a session of its own, its output appended to `log`.

    Its log, and all that it makes, is for its account alone to read.
    The kernel sends `on_our_death` when the *thread* that called this ends, so call it from the
    main thread. Systems without that (macOS) leave children behind when we are killed with -9.
    """
    log.touch(mode=0o600)  # a mode for new files only
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the command is ours, no shell reads it
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            # We spawn from one thread before any other runs Python code, so the fork is safe.
            preexec_fn=_die_with_parent(on_our_death),  # noqa: PLW1509 - as said above
        )


def last_line(log: Path) -> str:
    """The last words of a child; empty when it had none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def end(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for a child that was asked to end; kill its whole group when it takes longer."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(child)


def kill(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def arrange() -> None:
        # Runs after setuid, which would clear it. The parent may have died before we asked.
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os._exit(1)

    return arrange
