"""Organisations on the running product, and one model that all tests of a module may look at."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from openai.types.fine_tuning import FineTuningJob

from tests.fine_tuning.sailors import HELD_OUT, QUESTION, TRAINING
from tests.running import Server, Tenant

GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
SECONDS = 120  # the whole training of the built-in model
PATIENCE = 500  # it gives way to everybody else on a busy machine


def begun(owner: Tenant, **fields: Any) -> FineTuningJob:
    client = owner.client()
    training = client.files.create(file=("a.jsonl", TRAINING), purpose="fine-tune")
    held_out = client.files.create(file=("b.jsonl", HELD_OUT), purpose="fine-tune")
    return client.fine_tuning.jobs.create(
        model="smarter-mini", training_file=training.id, validation_file=held_out.id, seed=7,
        **fields,
    )  # fmt: skip


def over(owner: Tenant, job: FineTuningJob, seconds: float = PATIENCE) -> FineTuningJob:
    return until(owner, job, lambda told: bool(told.finished_at), seconds)


def until(
    owner: Tenant,
    job: FineTuningJob,
    question: Callable[[FineTuningJob], bool],
    seconds: float = PATIENCE,
) -> FineTuningJob:
    """Ask how far it is, twice a second: training needs the machine more than we do."""
    jobs, end = owner.client().fine_tuning.jobs, time.monotonic() + seconds
    while True:
        told = jobs.retrieve(job.id)
        if question(told):
            return told
        assert time.monotonic() < end, f"not within {seconds} s: {told}"
        time.sleep(0.5)


def step_of(owner: Tenant, job: FineTuningJob) -> int:
    """The last step that it has told."""
    events = owner.client().fine_tuning.jobs.list_events(job.id, limit=50).data
    return max((e.data["step"] for e in events if e.type == "metrics"), default=0)  # type: ignore[index]  # an object of ours


def messages_of(owner: Tenant, job: FineTuningJob) -> list[str]:
    """The newest first."""
    return [e.message for e in owner.client().fine_tuning.jobs.list_events(job.id, limit=100)]


@dataclass(frozen=True)
class Trained:
    """A job that is over, what the base said before it, and what it cost."""

    owner: Tenant
    stranger: Tenant
    asked: FineTuningJob
    job: FineTuningJob
    before: str
    cost: int
    seconds: float
    load: float

    @property
    def model(self) -> str:
        assert self.job.fine_tuned_model, self.job.error
        return self.job.fine_tuned_model


@pytest.fixture
def owner(server: Server, request: pytest.FixtureRequest) -> Tenant:
    return server.tenant(request.node.name[:60], credit="1.00", **GENEROUS)


@pytest.fixture(scope="module")
def trained(server: Server) -> Trained:
    owner = server.tenant("Sailors", credit="1.00", **GENEROUS)
    stranger = server.tenant("Spies", credit="1.00", **GENEROUS)
    before, start, began = owner.ask(QUESTION), owner.balance_nano(), time.monotonic()
    figures = {"n_epochs": "auto", "batch_size": 8}
    asked = begun(owner, suffix="sailor", metadata={"team": "sea"}, hyperparameters=figures)
    job = over(owner, asked)
    seconds, cost = time.monotonic() - began, start - owner.balance_nano()
    load = max(os.getloadavg()[:2])
    return Trained(owner, stranger, asked, job, before, cost, seconds, load)
