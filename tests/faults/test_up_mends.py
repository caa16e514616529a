"""Who dies or hangs is started again, and a person is told."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.running import Server, wait_until

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mends") / "data").start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("word", "name"),
    [("manage.py serve ", "web process"), ("celery", "worker"), ("bin/postgres -D", "database")],
)
def test_a_killed_part_comes_back_and_is_mourned_aloud(site: Server, word: str, name: str) -> None:
    before = site.child(word)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: f"The {name} ended (SIGKILL)." in site.log(), 15, f"{name} mourned")
    wait_until(lambda: _other(site, word, before) and site.ready(), 30, f"{name} back")


def _other(site: Server, word: str, before: int) -> bool:
    return any(word in line and pid != before for pid, line in site.children().items())
