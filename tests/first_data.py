"""A data folder as a first start leaves it: made once a run, and every other server gets a copy.

A first start makes a database, its tables, the demo and the demo's library. A dozen servers of one
run need all that, and only the tests of the first start need to see how it is made.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from config import children, postgres

PLACE: Final = "SMARTER_TEST_FIRST_DATA"  # set for the workers of pytest-xdist, too
WHOLE, WITHOUT_ENGINE = "data", "without"
OF_ONE_PROCESS: Final = ("postgres", "lock", "logs", "up.log", "broker", "incoming")

_ROOT: Final = Path(__file__).resolve().parents[1]
Make = Callable[[Path], None]


def prepare() -> None:
    """Before workers begin."""
    os.environ[PLACE] = tempfile.mkdtemp(prefix="smarter-test-first-")


def begin() -> "subprocess.Popen[bytes]":
    """Make it while workers collect their tests, or they would all wait for the first of them."""
    return subprocess.Popen([sys.executable, "-m", "tests.running"], cwd=_ROOT)


def clear() -> None:
    if PLACE not in os.environ:
        return
    place = Path(os.environ.pop(PLACE))
    for data in (place / WHOLE, place / WITHOUT_ENGINE):
        if data.exists():
            shutil.rmtree(postgres.home(data))
    shutil.rmtree(place)


def copy_to(data: Path, make: Make, *, engine: bool) -> None:
    _copy(made(make) / (WHOLE if engine else WITHOUT_ENGINE), data)


def made(make: Make) -> Path:
    """Where they are; `make` makes the first one, if nobody has."""
    place = Path(os.environ[PLACE])
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            make(place / WHOLE)
            _copy(place / WHOLE, place / WITHOUT_ENGINE)
            _take_engine(place / WITHOUT_ENGINE)
            (place / "made").touch()
    return place


def _take_engine(data: Path) -> None:
    """The built-in model counts as not installed."""
    (data / "engines.json").unlink()
    sockets = postgres.socket_folder(data)
    database = postgres.start(postgres.home(data), sockets)
    try:
        with psycopg.connect(
            host=str(sockets), user=postgres.USER, dbname=postgres.DATABASE
        ) as connection:
            connection.execute("UPDATE inference_servedmodel SET state = 'not_installed'")
    finally:
        database.send_signal(signal.SIGINT)
        children.end(database, 10)


def _copy(first: Path, data: Path) -> None:
    shutil.copytree(first, data, ignore=shutil.ignore_patterns(*OF_ONE_PROCESS), symlinks=True)
    cluster = postgres.home(first) / "cluster"
    subprocess.run(["cp", "-a", cluster, postgres.home(data)], check=True)
    # Tests kill processes and never the machine: its page cache outlives them.
    with (postgres.home(data) / "cluster" / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\n")
