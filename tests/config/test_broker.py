"""Messages to the worker through a folder: nobody ever reads half of one."""

import contextlib
import queue
import threading
import time
from pathlib import Path

import kombu
import pytest
from celery.worker import state

from config import broker

MESSAGES = 3000


@pytest.fixture
def connection(tmp_path: Path) -> kombu.Connection:
    broker.install()
    folder = str(tmp_path / "queue")
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": str(tmp_path)}
    Path(folder).mkdir()
    return kombu.Connection("filesystem://", transport_options=options)


def channel(connection: kombu.Connection) -> broker.Channel:
    made = connection.channel()
    assert isinstance(made, broker.Channel)
    return made


def test_a_reader_beside_a_writer_gets_every_message_whole(connection: kombu.Connection) -> None:
    writing, reading = channel(connection), channel(connection)

    def write() -> None:
        for number in range(MESSAGES):
            writing._put("work", {"number": number})

    writer = threading.Thread(target=write)
    writer.start()
    found: list[int] = []
    deadline = time.monotonic() + 20
    while len(found) < MESSAGES and time.monotonic() < deadline:
        with contextlib.suppress(queue.Empty):
            found.append(reading._get("work")["number"])
    writer.join()
    assert sorted(found) == list(range(MESSAGES))


def test_what_is_half_written_is_of_no_queue(connection: kombu.Connection, tmp_path: Path) -> None:
    (tmp_path / "queue" / "1_a.work.part").touch()
    reading = channel(connection)
    with pytest.raises(queue.Empty):
        reading._get("work")
    reading._put("work", {"whole": True})
    assert reading._get("work") == {"whole": True}


def test_a_worker_that_was_told_to_stop_waits_for_no_message(
    connection: kombu.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks once more then, for two seconds: a server that stops would wait for that."""
    consumer = kombu.Consumer(connection, [kombu.Queue("work")], callbacks=[print])
    with consumer:
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=2.0)
        assert time.monotonic() - start < 1.5
        monkeypatch.setattr(state, "should_stop", 0)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=2.0)
        assert time.monotonic() - start < broker.EVERY_SECONDS
