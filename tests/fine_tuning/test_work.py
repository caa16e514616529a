"""A worker's part on a tiny model: what it refuses, what it charges, how it leaves and breaks."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey, Organisation
from billing import accounts, topping_up
from billing.models import Hold, Price
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from inference.fine_tuning import training_run, working
from inference.fine_tuning.models import FineTuningJob
from inference.models import ServedModel
from tests.engines.small_models import make_folder
from tests.fine_tuning.sailors import examples, jsonl
from tests.running import wait_until

pytestmark = pytest.mark.timeout(200)
UNCOUNTED = {"role": "assistant", "content": "Ahoy", "weight": 0}
DOLLAR, PRICE = 10**9, 1_000_000  # n$, p$ a token


@dataclass(frozen=True)
class Owner:
    organisation: Organisation
    key: APIKey

    def job(self, lines: list[dict[str, Any]], epochs: int = 1, **fields: Any) -> FineTuningJob:
        raw = jsonl(lines)
        incoming = Incoming(BytesIO(raw), "a.jsonl", len(raw), "fine-tune")
        file = receiving.receive(self.organisation.id, incoming)
        figures = {"n_epochs": epochs, "batch_size": 4, "learning_rate_multiplier": "auto"}
        made: FineTuningJob = FineTuningJob.objects.create(
            organisation=self.organisation, key=self.key, model="tiny", seed=1,
            hyperparameters=figures, training_file_id=file.id, **fields,
        )  # fmt: skip
        return made

    def money(self) -> tuple[int, int]:
        account = accounts.customer_account(self.organisation.id)
        return account.available, account.held


@pytest.fixture
def base(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    folder = make_folder(tmp_path / "tiny")
    ServedModel.objects.create(
        id="tiny", engine=f"local:{folder}", context_window=512, state="installed",
        capabilities=["chat", "embeddings"],
    )  # fmt: skip
    Price.objects.create(model="tiny", input=1, cached_input=1, output=1)
    Price.objects.create(model="tiny", tier="training", input=PRICE, cached_input=0, output=0)
    working._leaving.clear()
    yield folder
    working._leaving.clear()
    connections.close_all()


@pytest.fixture
def ada(base: Path) -> Owner:
    organisation = Organisation.objects.create(name="Ada", slug="ada")
    key, _ = keys.issue(organisation.id, scopes=["inference"])
    topping_up.top_up(organisation, DOLLAR, ref="start")
    return Owner(organisation, key)


def worked(job: FineTuningJob) -> FineTuningJob:
    working.work()
    job.refresh_from_db()
    return job


def error_of(job: FineTuningJob) -> dict[str, Any]:
    assert job.status == "failed"
    assert job.error
    return dict(job.error)


def test_a_model_comes_out_and_its_tokens_are_charged_once(ada: Owner) -> None:
    job = worked(ada.job(examples()[:20], epochs=2))
    assert job.status == "succeeded", job.error
    assert job.trained_tokens == job.total_tokens == job.billed_tokens > 0
    assert ada.money() == (DOLLAR - job.trained_tokens * PRICE // 1000, 0)
    assert Hold.objects.get().state == "settled"
    row = ServedModel.objects.get(pk=job.fine_tuned_model)
    assert (row.engine, row.organisation) == (f"adapter:{job.id}:tiny", ada.organisation)
    assert row.capabilities == ["chat"]
    assert (settings.DATA_DIR / "adapters" / job.id / "adapter_model.safetensors").exists()
    assert not (settings.DATA_DIR / "fine_tuning" / job.id).exists()


def test_without_enough_money_the_job_fails_and_nothing_is_taken(ada: Owner) -> None:
    Price.objects.create(model="tiny", tier="training", input=10**9, cached_input=0, output=0)
    job = worked(ada.job(examples()[:20], epochs=9))
    assert error_of(job)["code"] == "insufficient_balance"
    assert "balance" in error_of(job)["message"]
    assert ada.money() == (DOLLAR, 0)
    assert job.trained_tokens == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"messages": examples()[0]["messages"], "colour": "red"}, "Line 3: Unknown parameter"),
        ({"messages": [{"role": "assistant", "content": "hello " * 600}]}, "Line 3: The prompt"),
        ({"messages": [{"role": "assistant", "content": "qz " * 400}]}, "Line 3: it has"),
        ({"messages": [UNCOUNTED]}, "Line 3: it holds nothing to learn"),
        ({"messages": examples()[0]["messages"], "tools": 7}, "Line 3: Invalid 'tools': it should"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_learned_is_named_before_anything_is_held(
    ada: Owner, line: dict[str, Any], said: str
) -> None:
    lines = [*examples()[:2], line, *examples()[3:12]]
    job = worked(ada.job(lines))
    assert (error_of(job)["code"], error_of(job)["param"]) == (
        "invalid_training_file",
        "training_file",
    )
    assert error_of(job)["message"].startswith(said)
    assert not Hold.objects.exists()


def test_a_file_that_is_gone_fails_the_job(ada: Owner) -> None:
    job = ada.job(examples()[:10])
    receiving.forget(StoredFile.objects.get())
    assert error_of(worked(job))["code"] == "file_not_found"


def test_a_revoked_key_trains_nothing(ada: Owner) -> None:
    job = ada.job(examples()[:10])
    APIKey.objects.update(revoked_at=timezone.now())
    assert error_of(worked(job))["code"] == "invalid_api_key"
    assert ada.money() == (DOLLAR, 0)


def test_a_worker_that_leaves_keeps_the_state_and_the_next_one_charges_once(ada: Owner) -> None:
    job = ada.job(examples(), epochs=50)
    thread = threading.Thread(target=_work)
    thread.start()
    wait_until(lambda: job.events.filter(step__gte=3).exists(), 100, "a few steps")
    working.leave()
    thread.join(30)
    job.refresh_from_db()
    assert (job.status, job.holder, job.hold_id) == ("running", "", "")
    assert ada.money() == (DOLLAR, 0)
    FineTuningJob.objects.update(status="cancelled")
    working._leaving.clear()
    assert worked(job).status == "cancelled"


def test_a_cancelled_job_is_charged_for_what_was_trained(ada: Owner) -> None:
    job = ada.job(examples(), epochs=50)
    thread = threading.Thread(target=_work)
    thread.start()
    wait_until(lambda: job.events.filter(step__gte=3).exists(), 100, "a few steps")
    FineTuningJob.objects.update(status="cancelled")
    thread.join(30)
    job.refresh_from_db()
    assert job.trained_tokens
    assert 0 < job.trained_tokens < job.total_tokens
    assert ada.money() == (DOLLAR - job.trained_tokens * PRICE // 1000, 0)


def test_a_training_that_breaks_down_again_and_again_fails_and_is_free(
    ada: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "REST_SECONDS", -1.0)
    monkeypatch.setattr(training_run, "MOST_BREAKDOWNS", 1)
    (base / "model.safetensors").write_bytes(b"no weights")
    job = worked(ada.job(examples()[:10]))
    assert error_of(job)["code"] == "training_failed"
    assert job.breakdowns == 1
    assert {hold.state for hold in Hold.objects.all()} == {"voided"}
    assert ada.money() == (DOLLAR, 0)


def test_a_full_quota_costs_the_results_file_and_not_the_model(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ada.job(examples()[:10])
    monkeypatch.setattr(settings, "FILE_QUOTA_BYTES", 1)
    assert worked(job).status == "succeeded"
    assert job.result_file_id == ""
    assert job.events.filter(level="warn", message__contains="results file").exists()


def test_folders_that_nothing_leads_to_are_removed_after_an_hour(ada: Owner) -> None:
    job = worked(ada.job(examples()[:10]))
    home = settings.DATA_DIR / "adapters"
    for name in ("ftjob-old", "ftjob-new"):
        (home / name).mkdir()
    for name in ("ftjob-old", job.id):
        os.utime(home / name, (0, 0))
    working.work()
    assert {folder.name for folder in home.iterdir()} == {job.id, "ftjob-new"}


def test_the_hold_of_a_worker_that_died_is_given_back(ada: Owner) -> None:
    job = ada.job(examples()[:10], status="paused", hold_id="gen_gone")
    assert worked(job).hold_id == ""
    assert (job.status, job.holder) == ("paused", "")


def _work() -> None:
    try:
        working.work()
    finally:
        connections.close_all()
