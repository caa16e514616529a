"""What is kept is forgotten when its time is over, in batches; lost responses are failed."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from inference import expiring, tasks
from inference.models import Response, StoredCompletion
from tests.cast import Person


def kept(ada: Person, number: int, *, over: bool) -> None:
    moment = timezone.now() + timedelta(seconds=-1 if over else 60)
    for place in range(number):
        name = f"{'over' if over else 'fresh'}_{place}"
        Response.objects.create(
            id=f"resp_{name}", organisation=ada.organisation, status="completed", model="m",
            input=[], body={}, expires_at=moment,
        )  # fmt: skip
        StoredCompletion.objects.create(
            id=f"chatcmpl-{name}", organisation=ada.organisation, model="m", messages=[],
            answer={}, expires_at=moment,
        )  # fmt: skip


def test_what_is_over_is_forgotten_and_the_rest_stays(ada: Person) -> None:
    kept(ada, 3, over=True)
    kept(ada, 2, over=False)
    assert expiring.forget() == 6
    for table in (Response, StoredCompletion):
        ids = table.objects.values_list("pk", flat=True)
        assert len(ids) == 2
        assert all("fresh" in name for name in ids)
    assert expiring.forget() == 0


def test_a_call_is_bounded_and_the_next_one_goes_on(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "BATCH", 2)
    monkeypatch.setattr(expiring, "MOST_BATCHES", 2)
    kept(ada, 5, over=True)
    assert expiring.forget() == 8
    assert expiring.forget() == 2
    assert not Response.objects.exists()


def test_the_worker_does_it(ada: Person) -> None:
    kept(ada, 1, over=True)
    Response.objects.create(
        id="resp_lost", organisation=ada.organisation, status="in_progress", model="m",
        background=True, input=[], body={"usage": None},
        created_at=timezone.now() - timedelta(minutes=5),
    )  # fmt: skip
    tasks.forget()
    tasks.fail_lost()
    (left,) = Response.objects.all()
    assert (left.id, left.status) == ("resp_lost", "failed")


def test_the_clock_knows_the_jobs() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {tasks.forget.name, tasks.fail_lost.name} <= scheduled
