"""What ends or delays a batch: its owner, its day, its key, its balance, a model that is away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey, Organisation
from api.errors import StorageQuotaExceeded
from billing import topping_up
from billing.models import Hold, Price
from files import receiving
from inference.batches import batch_run, rests, validating, working
from inference.batches.models import Batch, Line
from inference.models import ServedModel
from tests.batches.conftest import DOLLAR, Fund, Owner, content, request, work
from tests.patience import PATIENCE
from tests.running import wait_until

SLOW = "#words=40 #pace=100"  # four seconds


@contextmanager
def working_beside() -> Iterator[None]:
    """A worker in a thread, until it finds no more work."""
    thread = threading.Thread(target=_work)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
        assert not thread.is_alive()


def _work() -> None:
    working.work()
    connections.close_all()


def state(batch: Batch) -> str:
    batch.refresh_from_db()
    return batch.status


def running() -> bool:
    return Line.objects.filter(state="running").exists()


def test_a_cancelled_batch_stops_in_mid_line_and_keeps_what_is_done(ada: Owner) -> None:
    quick = [request(f"q{i}", "x") for i in range(5)]
    batch = ada.create([*quick, *(request(f"s{i}", "#words=50 #pace=2000") for i in range(100))])
    with working_beside():
        wait_until(
            lambda: Line.objects.filter(state="completed").count() == 5, PATIENCE, "five done"
        )
        answer = ada.http().post(f"/v1/batches/{batch.id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelling")
        wait_until(lambda: state(batch) == "cancelled", PATIENCE, "a line would take longer")
    told = ada.shown(batch)
    assert told["request_counts"] == {"total": 105, "completed": 5, "failed": 0}
    assert {line["custom_id"] for line in content(told["output_file_id"])} == {
        f"q{i}" for i in range(5)
    }
    assert told["error_file_id"] is None
    assert told["cancelled_at"] >= told["cancelling_at"]
    assert Hold.objects.filter(state="settled").count() == 5
    assert not Hold.objects.filter(state="open").exists()
    assert ada.money()[1] == 0
    assert ada.http().post(f"/v1/batches/{batch.id}/cancel").json()["status"] == "cancelled"


def test_a_batch_that_no_worker_has_seen_can_be_cancelled(ada: Owner) -> None:
    batch = ada.create([request("a", "x")])
    ada.http().post(f"/v1/batches/{batch.id}/cancel")
    work(batch)
    assert (batch.status, batch.output_file_id, batch.total) == ("cancelled", "", 0)


def test_what_is_over_cannot_be_cancelled(ada: Owner) -> None:
    batch = work(ada.create([request("a", "x")]))
    answer = ada.http().post(f"/v1/batches/{batch.id}/cancel")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "batch_not_cancellable"


def test_after_its_day_a_batch_writes_what_there_is(ada: Owner) -> None:
    batch = ada.create([request("quick", "x"), request("slow", "#words=50 #pace=1000")])
    with working_beside():
        wait_until(lambda: Line.objects.filter(state="completed").exists(), PATIENCE, "one done")
        Batch.objects.update(expires_at=timezone.now())
        wait_until(lambda: state(batch) == "expired", PATIENCE, "expired")
    assert [line["custom_id"] for line in content(batch.output_file_id)] == ["quick"]
    (late,) = content(batch.error_file_id)
    assert (late["custom_id"], late["response"]) == ("slow", None)
    assert late["error"]["code"] == "batch_expired"
    assert (batch.completed, batch.failed) == (1, 1)
    assert ada.money()[1] == 0


def _revoke(owner: Owner) -> None:
    APIKey.objects.filter(pk=owner.key.pk).update(revoked_at=timezone.now())


def _suspend(owner: Owner) -> None:
    Organisation.objects.filter(pk=owner.organisation.pk).update(suspended_at=timezone.now())


@pytest.mark.parametrize(
    ("stop", "code"), [(_revoke, "invalid_api_key"), (_suspend, "organisation_suspended")]
)
def test_without_its_key_no_further_line_begins(
    ada: Owner, stop: Callable[[Owner], None], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_run, "MOST_AT_ONCE", 2)
    batch = ada.create([request(f"r{i}", "#words=5 #pace=100") for i in range(40)])
    with working_beside():
        wait_until(
            lambda: Line.objects.filter(state="completed").count() >= 2, PATIENCE, "two done"
        )
        stop(ada)
        done = Line.objects.filter(state="completed").count()
        wait_until(lambda: state(batch) == "failed", PATIENCE, "stopped")
    assert batch.errors[0]["code"] == code
    assert batch.completed <= done + 2  # those that ran at that moment
    assert len(content(batch.output_file_id)) == batch.completed
    assert ada.money()[1] == 0


def test_a_key_may_only_ask_its_own_models(ada: Owner) -> None:
    APIKey.objects.filter(pk=ada.key.pk).update(allowed_models=["other"])
    batch = work(ada.create([request("a", "x")]))
    (wrong,) = content(batch.error_file_id)
    assert wrong["response"]["body"]["error"]["code"] == "model_not_allowed"


def test_a_key_without_inference_makes_no_batch(ada: Owner) -> None:
    _, secret = keys.issue(ada.organisation.id, scopes=["files:read", "files:write"])
    poor = Owner(ada.organisation, ada.key, secret)
    for answer in (
        poor.http().get("/v1/batches"),
        poor.http().post("/v1/batches", {}, format="json"),
    ):
        assert answer.status_code == 403


def test_lines_that_the_balance_does_not_pay_for_fail_and_it_never_goes_below_zero(
    fund: Fund,
) -> None:
    """Each costs 50,501 n$; there is money for ten, and for 19 tokens of an eleventh."""
    owner = fund("Ten lines", nano=10 * 50_501 + 20_000)
    batch = work(owner.create([request(f"r{i}", "#fill") for i in range(30)]))
    assert (batch.status, batch.completed, batch.failed) == ("completed", 10, 20)
    codes = {line["response"]["body"]["error"]["code"] for line in content(batch.error_file_id)}
    assert codes == {"insufficient_balance"}
    assert owner.money() == (20_000, 0)
    usages = [line["response"]["body"]["usage"] for line in content(batch.output_file_id)]
    assert {usage["completion_tokens"] for usage in usages} == {50}, "no line is shortened"


def test_lines_wait_for_money_that_others_of_the_batch_hold(fund: Fund) -> None:
    """Each holds 50 tokens' worth and uses one: at first only two holds fit, in the end all."""
    owner = fund("Two holds", nano=2 * 50_501 + 10_000)
    batch = work(owner.create([request(f"r{i}", "x") for i in range(30)]))
    assert (batch.completed, batch.failed) == (30, 0)


def test_top_up_in_the_middle_is_used(fund: Fund) -> None:
    owner = fund("Poor", nano=60_000)
    batch = owner.create([request(f"r{i}", "#words=20 #pace=20 #fill") for i in range(6)])
    with working_beside():
        wait_until(running, PATIENCE, "running")
        topping_up.top_up(owner.organisation, DOLLAR, ref="more")
        wait_until(lambda: state(batch) == "completed", PATIENCE, "completed")
    assert batch.completed == 6


def test_lines_wait_for_a_model_that_is_away(ada: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "SHORTEST", 0.2)
    ServedModel.objects.create(
        id="away", engine="engine:unix:/nowhere", context_window=100, state="installed",
        capabilities=["chat"],
    )  # fmt: skip
    batch = ada.create([request("a", "x", model="away"), request("b", "x")])
    with working_beside():
        wait_until(
            lambda: Line.objects.filter(model="away", attempts__gte=2).exists(), PATIENCE, "tried"
        )
        wait_until(
            lambda: Line.objects.filter(state="completed").exists(), PATIENCE, "others go on"
        )
        assert state(batch) == "in_progress"
        ServedModel.objects.filter(pk="away").update(engine="scripted:")
        Price.objects.create(model="away", input=1, cached_input=1, output=1)
        wait_until(lambda: state(batch) == "completed", PATIENCE, "completed")
    assert (batch.completed, batch.failed) == (2, 0)


def test_a_model_that_stays_away_fails_its_lines_in_the_end(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rests, "SHORTEST", 0.05)
    monkeypatch.setattr(rests, "LONGEST", 0.05)
    monkeypatch.setattr(batch_run, "MOST_ATTEMPTS", 3)
    ServedModel.objects.update(state="failed")
    batch = work(ada.create([request("a", "x")]))
    (failed,) = content(batch.error_file_id)
    assert failed["response"]["status_code"] == 503
    assert failed["response"]["body"]["error"]["code"] == "model_unavailable"


def test_a_line_that_nobody_survives_fails_in_the_end(ada: Owner) -> None:
    batch = ada.create([request("a", "x")])
    Batch.objects.update(holder="dead", lease_until=timezone.now() + timedelta(minutes=1))
    batch.refresh_from_db()
    validating.validate(batch)
    Line.objects.update(attempts=batch_run.MOST_ATTEMPTS)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work(batch)
    (failed,) = content(batch.error_file_id)
    assert failed["response"]["status_code"] == 500


def test_without_room_for_its_files_a_batch_waits_and_says_so(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StorageQuotaExceeded("No room.")

    receive = receiving.receive
    batch = ada.create([request("a", "x")])
    monkeypatch.setattr(receiving, "receive", full)
    work(batch)
    told = ada.shown(batch)
    assert told["status"] == "finalizing"
    assert told["errors"]["data"][0]["code"] == "storage_quota_exceeded"
    monkeypatch.setattr(receiving, "receive", receive)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work(batch)
    told = ada.shown(batch)
    assert (told["status"], told["errors"]) == ("completed", None)
    assert len(content(batch.output_file_id)) == 1


def test_two_batches_of_one_organisation_come_one_after_the_other(
    ada: Owner, fund: Fund, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ada.create([request("a", SLOW)])
    second = ada.create([request("b", "x")])
    with working_beside():
        wait_until(running, PATIENCE, "running")
        assert state(second) == "validating"
        wait_until(lambda: state(second) == "completed", PATIENCE, "second")
    assert state(first) == "completed"
