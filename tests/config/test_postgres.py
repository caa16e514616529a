"""The embedded Postgres: private, quick, and never held up by what a killed one left behind."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from config import children, data_folder, postgres
from config.children import CannotStart


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a database of this test may live."""
    (tmp_path / "data").mkdir()
    return postgres.home(tmp_path / "data")


def run(place: Path, sockets: Path | None = None) -> "subprocess.Popen[bytes]":
    return postgres.start(place, sockets or place, ("fsync=off",))


def stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGINT)
    children.end(server, 10)


def answers(sockets: Path) -> bool:
    with psycopg.connect(host=str(sockets), user=postgres.USER, dbname="postgres") as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_killed_server_is_followed_by_a_new_one(place: Path) -> None:
    first = run(place)
    first.kill()
    first.wait()
    assert (place / "cluster" / "postmaster.pid").exists()
    second = run(place)
    assert answers(place)
    stop(second)


def test_a_stale_lock_with_the_number_of_a_living_process_is_no_obstacle(
    place: Path, tmp_path: Path
) -> None:
    stop(run(place))
    # Of the same account: Postgres would take it for the old server.
    stranger = children.spawn(["sleep", "60"], log=tmp_path / "log", account=postgres._account())
    lock = place / "cluster" / "postmaster.pid"
    lock.write_text(f"{stranger.pid}\n{place / 'cluster'}\n1\n5432\n{place}\n\n  1 1\nready\n")
    lock.chmod(0o644)
    server = run(place)
    assert answers(place)
    stop(server)
    children.kill(stranger)


def test_a_server_that_runs_already_is_not_disturbed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(place)
    monkeypatch.setattr(postgres, "OLD_SERVER_SECONDS", 0.3)
    with pytest.raises(CannotStart, match="Another server"):
        run(place)
    assert answers(place)
    stop(first)


def test_only_its_own_account_may_enter_the_folder(place: Path) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_long_path_listens_in_a_short_private_folder(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    data.mkdir()
    sockets = postgres.socket_folder(data)
    assert len(str(sockets)) < 90
    server = run(postgres.home(data), sockets)
    assert answers(sockets)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    stop(server)
    sockets.rmdir()


def test_the_database_stays_with_its_data_folder_and_ends_with_it(tmp_path: Path) -> None:
    assert postgres.home(tmp_path) == postgres.home(tmp_path)
    first = postgres.home(tmp_path)
    if os.geteuid() == 0:
        first.rmdir()
        assert postgres.home(tmp_path) != first
        postgres.home(tmp_path).rmdir()


def test_a_full_disk_is_said_in_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_kwargs: object) -> "subprocess.CompletedProcess[str]":
        words = "initdb: error: could not write: No space left on device\n"
        return subprocess.CompletedProcess([], 1, "", words)

    monkeypatch.setattr(subprocess, "run", full)
    with pytest.raises(CannotStart, match="no space left on device"):
        run(place)


def test_too_little_space_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_folder, "LEAST_FREE", 2**60)
    with pytest.raises(CannotStart, match="No space left"), data_folder.claimed(tmp_path):
        pytest.fail("claimed a full folder")


def test_a_claimed_folder_is_refused_to_others_and_free_again_afterwards(tmp_path: Path) -> None:
    with (
        data_folder.claimed(tmp_path),
        pytest.raises(CannotStart, match=f"process {os.getpid()}"),
        data_folder.claimed(tmp_path),
    ):
        pytest.fail("claimed twice")
    with data_folder.claimed(tmp_path):
        pass
