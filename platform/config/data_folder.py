"""The data folder: made on the first start, checked on every start, used by one site at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import postgres
from config.children import CannotStart

LEAST_FREE = 200 * 1024 * 1024  # a fresh database takes 120 MB with its first logs


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Hold the folder while the site runs; the kernel lets go of it however we end.

    Raises CannotStart when it cannot be written, is full, or another site runs on it.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for inner in ("logs", "files", "incoming", "broker", "broker/queue", "broker/control"):
            (data / inner).mkdir(mode=0o700, exist_ok=True)
        (data / "lock").touch(mode=0o600)
        lock = (data / "lock").open("a+")
    except OSError as error:
        raise CannotStart(_unusable(data, error)) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(_running(data, lock.read().strip())) from None
        _require_space(data)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _unusable(data: Path, error: OSError) -> str:
    return (
        f"The data folder {data} cannot be used: {error.strerror}. "
        "Set SMARTER_DATA to a folder that can be written."
    )


def _running(data: Path, pid: str) -> str:
    return (
        f"Smarter already runs on {data} (process {pid}). "
        "Stop it first, or set SMARTER_DATA to another folder."
    )


def _require_space(data: Path) -> None:
    places = [data] if os.geteuid() != 0 else [data, _existing(postgres.ROOTS_STATE)]
    for place in places:
        system = os.statvfs(place)
        free = system.f_bavail * system.f_frsize
        if free < LEAST_FREE:
            raise CannotStart(
                f"No space left: {place} has {free // 1024**2} MB free and "
                f"{LEAST_FREE // 1024**2} MB are needed. Make room, or set SMARTER_DATA elsewhere."
            )


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
