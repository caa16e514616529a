"""A data folder as a first start leaves it: made once a run, and every other server gets a copy.

A first start makes a database, its tables, the demo and the demo's library. A dozen servers of one
run need all that, and only the tests of the first start need to see how it is made.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from config import postgres

PLACE: Final = "SMARTER_TEST_FIRST_DATA"  # set for the workers of pytest-xdist, too
OF_ONE_PROCESS: Final = ("postgres", "lock", "logs", "up.log", "broker", "incoming")

Make = Callable[[Path], None]


def prepare() -> None:
    """Before workers begin."""
    os.environ[PLACE] = tempfile.mkdtemp(prefix="smarter-test-first-")


def clear() -> None:
    if PLACE not in os.environ:
        return
    place = Path(os.environ.pop(PLACE))
    if (place / "data").exists():
        shutil.rmtree(postgres.home(place / "data"))
    shutil.rmtree(place)


def copy_to(data: Path, make: Make) -> None:
    """`make` makes the first one, if nobody has."""
    place = Path(os.environ[PLACE])
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            make(place / "data")
            (place / "made").touch()
    first = place / "data"
    shutil.copytree(first, data, ignore=shutil.ignore_patterns(*OF_ONE_PROCESS), symlinks=True)
    cluster = postgres.home(first) / "cluster"
    subprocess.run(["cp", "-a", cluster, postgres.home(data)], check=True)
    # Tests kill processes and never the machine: its page cache outlives them.
    with (postgres.home(data) / "cluster" / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\n")
