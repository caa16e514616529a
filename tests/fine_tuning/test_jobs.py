"""What a job may be asked for, who may ask, how many there may be; no worker is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts import keys, scopes
from accounts.models import Organisation
from api import rate_limits
from billing import topping_up
from billing.models import Price
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from inference.fine_tuning import creating, prices, tasks
from inference.fine_tuning.models import FineTuningJob
from inference.models import ServedModel
from tests.fine_tuning.sailors import TRAINING

Json = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    organisation: Organisation
    secret: str

    def http(self) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.secret}")
        return client

    def upload(self, raw: bytes = TRAINING, purpose: str = "fine-tune") -> StoredFile:
        incoming = Incoming(BytesIO(raw), "a.jsonl", len(raw), purpose)
        return receiving.receive(self.organisation.id, incoming)

    def post(self, path: str = "", **asked: Any) -> tuple[int, Json]:
        answer = self.http().post(f"/v1/fine_tuning/jobs{path}", asked, format="json")
        return answer.status_code, answer.json()

    def create(self, **asked: Any) -> Json:
        given = {"model": "base", "training_file": self.upload().id, **asked}
        status, told = self.post(**given)
        assert status == 200, told
        return told

    def refused(self, **asked: Any) -> tuple[int, str | None, str | None]:
        given = {"model": "base", "training_file": "file-x", **asked}
        status, told = self.post(**given)
        return status, told["error"]["param"], told["error"]["code"]


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "wake", lambda: None)


def person(name: str, **fields: Any) -> Owner:
    organisation = Organisation.objects.create(name=name, slug=name)
    _, secret = keys.issue(organisation.id, scopes=sorted(scopes.ALL), **fields)
    topping_up.top_up(organisation, 10**9, ref="start")
    return Owner(organisation, secret)


@pytest.fixture
def ada(transactional_db: None) -> Iterator[Owner]:
    rate_limits.forget_all()
    for name, engine in {
        "base": "local:/weights",
        "far": "engine:tcp:h:1",
        "s": "scripted:",
    }.items():
        ServedModel.objects.create(
            id=name, engine=engine, context_window=64, state="installed", capabilities=["chat"]
        )
    Price.objects.create(model="base", input=7, cached_input=7, output=9)
    yield person("ada")
    connections.close_all()


def test_a_job_is_told_whole(ada: Owner) -> None:
    job = ada.create(suffix="mine", metadata={"a": "b"}, hyperparameters={"n_epochs": 2})
    assert job["object"] == "fine_tuning.job"
    assert job["status"] == "validating_files"
    assert job["hyperparameters"] == {
        "n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": "auto",
    }  # fmt: skip
    assert job["method"]["supervised"]["hyperparameters"] == job["hyperparameters"]
    assert 0 <= job["seed"] < 2**31
    for name in ("error", "fine_tuned_model", "finished_at", "trained_tokens", "validation_file"):
        assert job[name] is None
    assert ada.http().get(f"/fine_tuning/jobs/{job['id']}").json() == job


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"training_file": "file-none"}, "training_file"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"model": "none"}, "model"),
        ({"model": "far"}, "model"),
        ({"model": "s"}, "model"),
        ({"method": {"type": "dpo"}}, "method.type"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": 0}}, "hyperparameters.batch_size"),
        ({"seed": -1}, "seed"),
        ({"suffix": "a b"}, "suffix"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"integrations": [{"type": "wandb"}]}, "integrations"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(ada: Owner, asked: Json, param: str) -> None:
    given = {"training_file": ada.upload().id, **asked}
    status, named, _ = ada.refused(**given)
    assert status in {400, 404}
    assert (named or "").startswith(param)
    assert not FineTuningJob.objects.exists()


def test_a_file_of_another_purpose_is_refused(ada: Owner) -> None:
    file = ada.upload(b"words", "user_data")
    assert ada.refused(training_file=file.id)[:2] == (400, "training_file")


def test_a_strangers_file_and_job_do_not_exist(ada: Owner) -> None:
    eve, job = person("eve"), ada.create()
    assert eve.refused(training_file=job["training_file"])[:2] == (400, "training_file")
    for path in ("", "/events", "/checkpoints"):
        assert eve.http().get(f"/v1/fine_tuning/jobs/{job['id']}{path}").status_code == 404
    for path in ("cancel", "pause", "resume"):
        assert eve.post(f"/{job['id']}/{path}")[0] == 404
    assert eve.http().get("/v1/fine_tuning/jobs").json()["data"] == []


def test_a_key_for_other_models_trains_none(ada: Owner) -> None:
    _, secret = keys.issue(ada.organisation.id, scopes=sorted(scopes.ALL), allowed_models=["far"])
    bound = Owner(ada.organisation, secret)
    assert bound.refused(training_file=ada.upload().id)[0] == 403


def test_so_many_jobs_may_wait_and_no_more(ada: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "MOST_UNFINISHED", 2)
    first, _ = ada.create(), ada.create()
    file = ada.upload().id
    assert ada.refused(training_file=file) == (403, None, "fine_tuning_limit")
    ada.post(f"/{first['id']}/cancel")
    ada.create()


def test_so_many_models_may_be_kept_and_no_more(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "MOST_MODELS", 1)
    ServedModel.objects.create(
        id="ft:base:ada::1", engine="adapter:x:base", context_window=64,
        organisation=ada.organisation, state="installed",
    )  # fmt: skip
    assert ada.refused(training_file=ada.upload().id)[2] == "fine_tuning_limit"


def test_a_waiting_job_rests_goes_on_and_ends_when_told(ada: Owner) -> None:
    job = ada.create()["id"]
    for word, status in [
        ("pause", "paused"), ("pause", "paused"), ("resume", "queued"), ("resume", "queued"),
        ("cancel", "cancelled"), ("cancel", "cancelled"),
    ]:  # fmt: skip
        code, told = ada.post(f"/{job}/{word}")
        assert (code, told["status"]) == (200, status)
    assert told["finished_at"]
    assert told["trained_tokens"] == 0
    assert ada.post(f"/{job}/resume")[1]["error"]["code"] == "fine_tuning_job_over"
    events = ada.http().get(f"/v1/fine_tuning/jobs/{job}/events").json()["data"]
    assert events[0]["message"] == "Fine-tuning job cancelled"
    assert {event["object"] for event in events} == {"fine_tuning.job.event"}


def test_lists_are_pages_and_can_be_filtered_by_metadata(ada: Owner) -> None:
    first = ada.create(metadata={"a": "1"})["id"]
    second = ada.create(metadata={"a": "2"})["id"]
    third = ada.create()["id"]

    def listed(query: str) -> list[str]:
        return [job["id"] for job in ada.http().get(f"/v1/fine_tuning/jobs?{query}").json()["data"]]

    assert listed("") == [third, second, first]
    assert listed(f"limit=1&after={third}") == [second]
    assert listed("metadata[a]=1") == [first]
    assert listed("metadata=null") == [third]


def test_training_costs_ten_times_the_input_until_somebody_sets_a_price(ada: Owner) -> None:
    ada.create()
    (price,) = Price.objects.filter(tier="training")
    assert (price.input, price.output) == (70, 0)
    ada.create()
    assert Price.objects.filter(tier="training").count() == 1
    Price.objects.create(model="base", tier="training", input=5, cached_input=5, output=0)
    prices.ensure("base")
    assert Price.objects.filter(tier="training").latest("effective_from").input == 5


def test_a_base_without_a_price_is_not_trained(ada: Owner) -> None:
    ServedModel.objects.create(
        id="free", engine="local:/w", context_window=64, state="installed", capabilities=["chat"]
    )
    assert ada.refused(model="free", training_file=ada.upload().id)[:2] == (400, "model")
