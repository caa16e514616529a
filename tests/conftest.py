"""One embedded Postgres for the run, one database per xdist worker, and the cast."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from config import children, postgres

UNSAFE_BUT_FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300",
)  # fmt: skip
_running = pytest.StashKey[tuple["subprocess.Popen[bytes]", Path]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the database before the workers are; they inherit its address."""
    if "DATABASE_URL" in os.environ:  # a person's own server, or we are a worker
        return
    place = _temporary_home()
    server = postgres.start(place, place, UNSAFE_BUT_FAST)
    config.stash[_running] = (server, place)
    os.environ["DATABASE_URL"] = (
        f"postgres:///{postgres.DATABASE}?host={place}&user={postgres.USER}"
    )
    # pytest-django has read the settings already.
    settings.DATABASES["default"].update(HOST=str(place), USER=postgres.USER)


def pytest_unconfigure(config: pytest.Config) -> None:
    if running := config.stash.get(_running, None):
        server, place = running
        children.stop(server, signal.SIGINT, 10)
        shutil.rmtree(place)


def _temporary_home() -> Path:
    if os.geteuid() == 0:
        return postgres.new_root_home()
    return Path(tempfile.mkdtemp(prefix="smarter-test-"))
