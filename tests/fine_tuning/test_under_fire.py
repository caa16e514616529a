"""Trainings while things are killed, or told to rest: nothing is lost, nothing is charged twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJob

from tests.fine_tuning.conftest import (
    GENEROUS,
    PATIENCE,
    begun,
    messages_of,
    over,
    step_of,
    until,
)
from tests.fine_tuning.sailors import ANSWER, QUESTION
from tests.running import Server, Tenant, wait_until

pytestmark = [pytest.mark.xdist_group("training_fire"), pytest.mark.timeout(1200)]
TENFOLD = 500_000  # p$ a token
EPOCHS, STEPS_EACH = 6, 13
LONG = {
    "type": "supervised",
    "supervised": {"hyperparameters": {"n_epochs": EPOCHS, "batch_size": 8}},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The running product, whose processes these tests may kill."""
    server = Server(tmp_path_factory.mktemp("training") / "data").start()
    yield server
    server.stop()


@pytest.fixture
def owner(site: Server, request: pytest.FixtureRequest) -> Tenant:
    return site.tenant(request.node.name[:60], credit="1.00", **GENEROUS)


def in_the_middle(owner: Tenant) -> FineTuningJob:
    """An epoch of it is done, and the most is still to come."""
    job = begun(owner, method=LONG)
    wait_until(lambda: step_of(owner, job) > STEPS_EACH, PATIENCE, "an epoch is done")
    return job


def cost_of(tokens: int | None) -> int:
    assert tokens
    return -(-tokens * TENFOLD // 1000)


def spent(owner: Tenant) -> int:
    wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, 90, "nothing is held")
    return 10**9 - owner.balance_nano()


def whole_and_charged_once(owner: Tenant, job: FineTuningJob) -> FineTuningJob:
    done = over(owner, job)
    assert done.status == "succeeded", done.error
    assert spent(owner) == cost_of(done.trained_tokens)
    assert any(
        message.startswith("Training goes on from step") for message in messages_of(owner, job)
    )
    assert step_of(owner, job) == EPOCHS * STEPS_EACH
    assert done.fine_tuned_model
    assert owner.ask(QUESTION, done.fine_tuned_model) == ANSWER
    return done


def test_a_killed_trainer_goes_on_from_its_last_state(site: Server, owner: Tenant) -> None:
    job = in_the_middle(owner)
    os.kill(site.child("fine_tuning.trainer"), signal.SIGKILL)
    whole_and_charged_once(owner, job)


def test_a_killed_worker_takes_its_trainer_along_and_the_next_goes_on(
    site: Server, owner: Tenant
) -> None:
    job = in_the_middle(owner)
    trainer = site.child("fine_tuning.trainer")
    os.kill(site.child("--queues training"), signal.SIGKILL)
    os.kill(site.child("serve "), signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{trainer}").exists(), PATIENCE, "the trainer has ended")
    wait_until(site.ready, 60, "the web process is back")
    whole_and_charged_once(owner, job)


def test_a_killed_database_interrupts_no_more_than_the_telling(site: Server, owner: Tenant) -> None:
    job = in_the_middle(owner)
    os.kill(site.child("bin/postgres -D"), signal.SIGKILL)
    wait_until(site.ready, 60, "the database is back")
    done = over(owner, job)
    assert done.status == "succeeded", done.error
    assert spent(owner) == cost_of(done.trained_tokens)
    assert step_of(owner, job) == EPOCHS * STEPS_EACH
    assert done.fine_tuned_model
    assert owner.ask(QUESTION, done.fine_tuned_model) == ANSWER


def test_a_paused_job_is_paid_so_far_and_goes_on_where_it_was(site: Server, owner: Tenant) -> None:
    job = in_the_middle(owner)
    jobs = owner.client().fine_tuning.jobs
    assert jobs.pause(job.id).status == "paused"  # type: ignore[comparison-overlap]  # the type knows no such status
    so_far = spent(owner)
    assert so_far > 0
    assert jobs.pause(job.id).finished_at is None
    assert jobs.resume(job.id).status == "queued"
    done = over(owner, job)
    assert done.status == "succeeded", done.error
    assert spent(owner) > so_far
    assert 0 <= spent(owner) - cost_of(done.trained_tokens) <= 1  # each part is rounded up
    assert "Fine-tuning job resumed" in messages_of(owner, job)


def test_a_cancelled_job_is_charged_for_what_was_trained(site: Server, owner: Tenant) -> None:
    job = in_the_middle(owner)
    assert owner.client().fine_tuning.jobs.cancel(job.id).status == "cancelled"
    done = until(owner, job, lambda told: told.trained_tokens is not None, 60)
    assert (done.status, done.fine_tuned_model) == ("cancelled", None)
    assert spent(owner) == cost_of(done.trained_tokens)
    assert not list(site.data.glob(f"fine_tuning/{job.id}"))
    assert not any("trainer" in line for line in site.children().values())
