"""Vector stores through the real client on the running site, and a worker that is killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import psycopg
import pytest

from config import postgres
from tests.running import Server, wait_until

FILES = 16
PARAGRAPH = "The quick brown fox number {n} jumps over the lazy dog of house {n}.\n\n"


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.tenant("Knowing", requests_per_minute=100_000).client(max_retries=0)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


def test_a_store_is_made_filled_polled_and_searched(client: openai.OpenAI) -> None:
    store = client.vector_stores.create(name="Hotel", metadata={"town": "Ulm"})
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id,
        file=("sauna.md", b"# Sauna\n\nIt is heated from six until ten."),
        attributes={"floor": -1},
        poll_interval_ms=100,
    )
    assert (file.status, file.last_error) == ("completed", None)
    (hit,) = client.vector_stores.search(store.id, query="When is the sauna heated?").data
    assert (hit.file_id, hit.filename, hit.attributes) == (file.id, "sauna.md", {"floor": -1.0})
    assert 0 < hit.score <= 1
    assert "heated from six" in hit.content[0].text
    (content,) = client.vector_stores.files.content(file.id, vector_store_id=store.id).data
    assert content.text == hit.content[0].text
    counted = client.vector_stores.retrieve(store.id)
    assert (counted.status, counted.file_counts.completed) == ("completed", 1)
    assert counted.usage_bytes == len(hit.content[0].text)
    assert store.id in [one.id for one in client.vector_stores.list(limit=1)]
    assert client.vector_stores.delete(store.id).deleted


def test_a_batch_is_polled_until_every_file_is_read(client: openai.OpenAI) -> None:
    store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.upload_and_poll(
        store.id,
        files=[("a.txt", b"apples"), ("b.html", b"<p>berries</p>"), ("c.pdf", b"%PDF-1.4 no")],
        poll_interval_ms=100,
    )
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == (
        "completed", 2, 1,
    )  # fmt: skip
    listed = client.vector_stores.file_batches.list_files(
        batch.id, vector_store_id=store.id, filter="failed"
    )
    (failed,) = listed.data
    assert failed.last_error is not None
    assert failed.last_error.code == "invalid_file"
    every = client.vector_stores.files.list(store.id, limit=1)
    assert len(list(every)) == 3  # the client follows the pages


def test_a_killed_worker_loses_and_doubles_nothing(own_server: Server) -> None:
    client = own_server.tenant("Crash", requests_per_minute=100_000).client(max_retries=0)
    text = "".join(PARAGRAPH.format(n=n) for n in range(150)).encode()
    ids = [
        client.files.create(file=(f"{n}.txt", text), purpose="assistants").id for n in range(FILES)
    ]
    store = client.vector_stores.create(file_ids=ids)

    def completed() -> int:
        return client.vector_stores.retrieve(store.id).file_counts.completed

    for part in (1, FILES // 2):
        wait_until(lambda least=part: completed() >= least, 60, "files are read")
        os.kill(own_server.child("config.celery"), signal.SIGKILL)
        assert completed() < FILES, "the worker was killed too late to tell"
        _let_leases_lapse(own_server)
    end = time.monotonic() + 120
    while completed() < FILES and time.monotonic() < end:
        time.sleep(0.2)
    assert client.vector_stores.retrieve(store.id).file_counts.completed == FILES
    chunks = [
        [one.text for one in client.vector_stores.files.content(id_, vector_store_id=store.id)]
        for id_ in ids
    ]
    assert len(chunks[0]) > 5
    assert all(one == chunks[0] for one in chunks)


def _let_leases_lapse(server: Server) -> None:
    """What a minute of waiting would do."""
    with psycopg.connect(
        host=str(postgres.socket_folder(server.data)),
        user=postgres.USER,
        dbname=postgres.DATABASE,
    ) as connection:
        connection.execute(
            "UPDATE knowledge_storefile SET lease_until = now() - interval '1 second' "
            "WHERE status = 'in_progress' AND lease_until IS NOT NULL"
        )
