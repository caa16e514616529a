"""A worker that dies, hangs or leaves: no line is lost, none is answered or charged twice."""

import asyncio
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts.idempotency import StoredAnswer
from api import database
from api.jobs import JobQuerySet
from billing import ledger, sweeping
from billing.models import Hold
from files.models import StoredFile
from inference.batches import finishing, lines, validating, working
from inference.batches.models import Batch, Line
from tests.batches.conftest import DOLLAR, Owner, content, request, work
from tests.patience import PATIENCE
from tests.running import wait_until


def taken(batch: Batch, holder: str = "dead") -> Batch:
    """As a worker leaves it that was killed in the middle of its first line."""
    Batch.objects.update(holder=holder, lease_until=timezone.now() + timedelta(minutes=1))
    batch.refresh_from_db()
    validating.validate(batch)
    batch.refresh_from_db()
    return batch


async def _ask_and_die(batch: Batch) -> str:
    try:
        (line,) = await lines.take(batch.id, batch.holder, 1, [])
        ask = ledger.HoldRequest(
            id=line.hold_id, organisation_id=batch.organisation_id, key_id=batch.key_id,
            model="scripted", prompt_tokens=1, max_output=50,
        )  # fmt: skip
        await ledger.hold(ask)
        return line.hold_id
    finally:
        await ledger.drain()
        await database.close()


def test_the_line_of_a_killed_worker_runs_again_under_a_new_hold(ada: Owner) -> None:
    batch = taken(ada.create([request("a", "x")]))
    old = asyncio.run(_ask_and_die(batch))
    assert ada.money()[1] > 0
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work(batch)
    assert batch.status == "completed"
    assert Hold.objects.get(pk=old).state == "voided"
    assert Hold.objects.get(state="settled").pk != old
    assert len(content(batch.output_file_id)) == 1
    assert ada.money()[1] == 0


def test_who_lost_a_line_neither_answers_nor_charges_it(ada: Owner) -> None:
    batch = taken(ada.create([request("a", "x")]))

    async def late() -> None:
        try:
            (line,) = await lines.take(batch.id, batch.holder, 1, [])
            await lines.reclaim(batch.id)
            answer = StoredAnswer(200, {}, b"{}")
            async with database.connection() as pooled, pooled.transaction():
                with pytest.raises(lines.Taken):
                    await lines.finish(line.id, line.hold_id, answer, pooled)
        finally:
            await database.close()

    asyncio.run(late())
    assert Line.objects.get().state == "pending"


def test_a_line_whose_hold_was_lost_with_the_database_is_asked_again(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold is written without waiting for the disk: a crash of Postgres may take it along."""
    hold = ledger.hold
    lost: list[str] = []

    async def losing(asked: ledger.HoldRequest) -> ledger.Hold:
        held = await hold(asked)
        if not lost:
            lost.append(asked.id)
            await ledger.void(asked.id, "crash")
        return held

    monkeypatch.setattr(ledger, "hold", losing)
    batch = work(ada.create([request("a", "x")]))
    assert batch.status == "completed"
    assert Hold.objects.filter(state="settled").count() == 1
    assert ada.money()[0] < DOLLAR


def test_a_line_that_was_taken_away_while_it_ran_is_charged_once(ada: Owner) -> None:
    batch = ada.create([request("a", "#words=10 #pace=100")])
    thread = threading.Thread(target=_work)
    thread.start()
    wait_until(lambda: Hold.objects.filter(state="open").exists(), PATIENCE, "held")
    Line.objects.update(state="pending")
    thread.join(PATIENCE)
    batch.refresh_from_db()
    assert (batch.status, batch.completed) == ("completed", 1)
    assert sorted(Hold.objects.values_list("state", flat=True)) == ["settled", "voided"]
    assert batch.charged == DOLLAR - ada.money()[0] > 0


def test_a_swept_hold_of_a_line_is_free_whatever_it_had_generated(ada: Owner) -> None:
    batch = ada.create([request("a", "#words=100 #pace=100", max_tokens=100)])
    thread = threading.Thread(target=_work)
    thread.start()
    wait_until(lambda: Hold.objects.filter(state="open").exists(), PATIENCE, "held")
    hold = Hold.objects.get()
    seen = hold.lease_until
    wait_until(lambda: Hold.objects.get().lease_until > seen, PATIENCE, "checkpoint")
    assert Hold.objects.get().completion_tokens == 0
    Hold.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    sweeping.sweep()
    hold.refresh_from_db()
    assert (hold.state, hold.charged) == ("expired", 0)
    thread.join(PATIENCE)
    batch.refresh_from_db()
    hold.refresh_from_db()
    assert (batch.status, batch.completed, hold.completion_tokens) == ("completed", 1, 100)
    assert batch.charged == hold.charged == DOLLAR - ada.money()[0]


def _work() -> None:
    working.work()
    connections.close_all()


def test_a_worker_that_leaves_gives_its_batches_back_uncharged(ada: Owner) -> None:
    batch = ada.create([request("quick", "x"), request("slow", "#words=50 #pace=2000")])
    thread = threading.Thread(target=_work)
    thread.start()
    wait_until(lambda: Line.objects.filter(state="completed").exists(), PATIENCE, "one done")
    working.leave()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    batch.refresh_from_db()
    assert (batch.status, batch.lease_until) == ("in_progress", None)
    assert set(Line.objects.values_list("state", flat=True)) == {"completed", "pending"}
    assert not Hold.objects.filter(state="open").exists()
    working._leaving.clear()
    work(batch)
    assert (batch.status, batch.completed) == ("completed", 2)


def test_a_database_that_is_away_while_more_is_looked_for_ends_nothing(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = _failing_after_the_first_claim(monkeypatch, OperationalError("away"))
    batch = work(ada.create([request("a", "#words=30 #pace=20")]))
    assert (batch.status, batch.completed) == ("completed", 1)
    assert len(claims) > 1
    assert Hold.objects.count() == 1


def test_whatever_ends_a_worker_its_batches_are_put_down_before_it_goes(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they would open again what it has closed, and its event loop would wait for them."""
    _failing_after_the_first_claim(monkeypatch, RuntimeError("unknown"))
    at_work: list[str] = []
    closing = working._close

    async def close() -> None:
        at_work.extend(_names_of_other_tasks())
        await closing()

    monkeypatch.setattr(working, "_close", close)
    batch = ada.create([request("a", "#words=30 #pace=20")])
    with pytest.raises(RuntimeError, match="unknown"):
        work(batch)
    assert not [name for name in at_work if "_see_through" in name or "feed" in name]
    assert ada.money() == (DOLLAR, 0)


def _names_of_other_tasks() -> list[str]:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return [str(task.get_coro()) for task in tasks]


def _failing_after_the_first_claim(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> list[object]:
    claim = JobQuerySet.claim
    claims: list[object] = []

    def claimed(rows: JobQuerySet) -> object:
        if len(claims) in range(1, 3):
            claims.append(None)
            raise error
        claims.append(found := claim(rows))
        return found

    monkeypatch.setattr(JobQuerySet, "claim", claimed)
    return claims


def test_a_crash_between_the_files_and_the_end_leaves_no_second_file(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, end = ada.create([request("a", "x")]), finishing._end
    monkeypatch.setattr(finishing, "_end", _crash)
    work(batch)
    assert (batch.status, StoredFile.objects.filter(purpose="batch_output").count()) == (
        "finalizing",
        1,
    )
    monkeypatch.setattr(finishing, "_end", end)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work(batch)
    (file,) = StoredFile.objects.filter(purpose="batch_output")
    assert (batch.status, batch.output_file_id) == ("completed", file.id)


def _crash(*_: object) -> None:
    raise RuntimeError("crash")


def test_who_lost_the_batch_while_it_ended_leaves_nothing(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, end = ada.create([request("a", "x")]), finishing._end

    def slow(lost: Batch, *files: StoredFile | None) -> None:
        Batch.objects.update(holder="another")
        end(lost, *files)

    monkeypatch.setattr(finishing, "_end", slow)
    work(batch)
    assert batch.status == "finalizing"
    assert not StoredFile.objects.filter(purpose="batch_output").exists()
    assert Line.objects.count() == 1


def test_lines_become_rows_once(ada: Owner) -> None:
    batch = ada.create([request(f"r{i}", "x") for i in range(3)])
    taken(batch)
    Batch.objects.update(status="validating")  # as before a commit that was lost: no rows then
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM batches_line")
    batch.refresh_from_db()
    validating.validate(batch)
    assert Line.objects.count() == 3
