"""However the site is ended, nothing of it is left, and it starts again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.processes import living
from tests.patience import PATIENCE
from tests.running import MANAGE, Server, wait_until

GONE_SECONDS = PATIENCE


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data").start()
    yield server
    server.end()


def all_gone(server: Server) -> None:
    wait_until(lambda: not living(server.data), GONE_SECONDS, f"gone: {living(server.data)}")


def kill(server: Server) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait(5)
    assert server.process.stdout is not None
    server.process.stdout.close()


def test_sigterm_ends_everything(site: Server) -> None:
    words = " ".join(living(site.data).values())
    for part in ("manage.py up", "manage.py serve", "serve_engine", "celery", "postgres -D"):
        assert part in words
    assert site.stop(seconds=GONE_SECONDS) == 0
    all_gone(site)


def test_whoever_asks_until_it_has_ended_sees_a_clean_end(site: Server) -> None:
    assert site.process is not None
    while site.process.poll() is None:
        site.process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    assert site.process.returncode == 0
    all_gone(site)


def test_ctrl_c_works_although_a_background_job_of_a_shell_ignores_it(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    command = f"{sys.executable} {MANAGE} up --json --port {server.port} & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", command], env=server.environment, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        assert shell.stdout.readline().startswith("{")
        os.kill(pid, signal.SIGINT)
        try:
            assert shell.wait(GONE_SECONDS) == 0
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    all_gone(server)


def test_killed_twice_in_a_row_it_leaves_nothing_and_starts_again(site: Server) -> None:
    kill(site)
    all_gone(site)
    site.start()
    kill(site)
    site.start()  # at once: the old database may still be shutting down
    assert site.ready()
    assert site.stop(seconds=GONE_SECONDS) == 0
    all_gone(site)


def test_a_kill_in_the_middle_of_the_first_start_is_survived(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    for milliseconds in (900, 1300, 2000):
        with subprocess.Popen(
            [sys.executable, MANAGE, "up", "--json", "--port", str(server.port)],
            env=server.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as started:  # fmt: skip
            try:
                started.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                started.kill()
    server.start()
    assert server.ready()
    server.stop()
    all_gone(server)
