"""Files are read several at once, and what a dead worker held is soon free for the next one."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from inference.batches.models import Batch
from knowledge import ingesting
from knowledge.ingesting import Pool
from knowledge.models import StoreFile
from tests.knowledge.conftest import Owner

SOON = timedelta(seconds=30)


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    yield
    connections.close_all()


@pytest.mark.parametrize(
    ("job", "task"),
    [(StoreFile, "knowledge.tasks.work"), (Batch, "inference.batches.tasks.work")],
)
def test_a_dead_workers_job_is_claimed_within_half_a_minute(
    job: type[StoreFile | Batch], task: str
) -> None:
    every = cast("timedelta", settings.CELERY_BEAT_SCHEDULE[task]["schedule"])
    assert job.LEASE + every < SOON


def test_a_lease_is_renewed_while_the_job_is_kept(
    committed: None, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreFile, "LEASE", timedelta(seconds=0.4))
    owner.post("", {"file_ids": [owner.file("soup").id]})
    row: StoreFile | None = StoreFile.objects.all().in_progress().claim()
    assert row
    with row.kept():
        threading.Event().wait(1.2)
        row.refresh_from_db()
        assert row.lease_until is not None
        assert row.lease_until > timezone.now() - timedelta(seconds=0.3)
    threading.Event().wait(0.5)
    assert StoreFile.objects.all().in_progress().claim()


def test_several_files_are_read_at_once_and_no_more_than_that(
    committed: None, owner: Owner, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KNOWLEDGE_FILES_AT_ONCE = 3
    monkeypatch.setattr(ingesting, "Pool", Pool)
    together, most, lock = threading.Barrier(3, timeout=10), [0, 0], threading.Lock()
    cut = ingesting._cut

    def counted(file: StoreFile) -> bool:
        with lock:
            most[0] += 1
            most[1] = max(most)
        together.wait()
        try:
            return cut(file)
        finally:
            with lock:
                most[0] -= 1

    monkeypatch.setattr(ingesting, "_cut", counted)
    owner.post("", {"file_ids": [owner.file(f"soup {n}").id for n in range(6)]})
    ingesting.work()
    assert most == [0, 3]
    assert {row.status for row in StoreFile.objects.all()} == {"completed"}
