"""The whole road on the running product: files, a job, what it tells, a model of one's own."""

import csv
import io
import os
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.fine_tuning.conftest import PATIENCE, SECONDS, Trained, begun, over
from tests.fine_tuning.sailors import ANSWER, QUESTION
from tests.running import Tenant

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(900)]
TENFOLD = 500_000  # p$ a token: ten times the built-in model's $0.05 a million


def test_a_job_is_told_at_once_as_it_was_asked(trained: Trained) -> None:
    asked = trained.asked
    assert (asked.status, asked.seed, asked.trained_tokens) == ("validating_files", 7, None)
    assert asked.hyperparameters.n_epochs == "auto"
    assert asked.metadata == {"team": "sea"}


def test_it_succeeds_in_two_minutes_with_the_figures_that_were_used(trained: Trained) -> None:
    assert trained.job.status == "succeeded", trained.job.error
    crowded = trained.load > (os.cpu_count() or 1)  # then a training gives way to everybody else
    assert trained.seconds < (PATIENCE if crowded else SECONDS)
    assert trained.job.hyperparameters.n_epochs == 3


def test_exactly_the_trained_tokens_are_charged_at_the_price_of_training(trained: Trained) -> None:
    assert trained.job.trained_tokens
    assert trained.cost == -(-trained.job.trained_tokens * TENFOLD // 1000)


def test_the_loss_on_held_out_rows_falls_by_a_third_and_more(trained: Trained) -> None:
    events = list(trained.owner.client().fine_tuning.jobs.list_events(trained.job.id, limit=10))
    rows: list[Any] = [event.data for event in events if event.type == "metrics"]
    metrics = {row["step"]: row for row in rows}
    assert len(metrics) > 20
    assert metrics[max(metrics)]["valid_loss"] < 0.7 * metrics[0]["valid_loss"]
    assert events[-1].message.startswith("Created fine-tuning job")
    assert events[0].message == "The job has successfully completed"


def test_the_result_file_holds_the_losses_of_every_step(trained: Trained) -> None:
    text = trained.owner.client().files.content(trained.job.result_files[0]).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert float(rows[-1]["valid_mean_token_accuracy"]) > 0.9


def test_the_model_answers_as_it_was_taught_and_its_base_as_before(trained: Trained) -> None:
    assert trained.model.startswith("ft:smarter-mini:sailors:sailor:")
    assert trained.owner.ask(QUESTION, trained.model) == ANSWER
    assert trained.owner.ask(QUESTION) == trained.before
    assert trained.model in {each.id for each in trained.owner.client().models.list()}


def test_the_last_epochs_can_be_called_as_checkpoints(trained: Trained) -> None:
    found = trained.owner.client().fine_tuning.jobs.checkpoints.list(trained.job.id).data
    assert len(found) == 3
    assert found[0].fine_tuned_model_checkpoint == trained.model
    assert found[1].fine_tuned_model_checkpoint.startswith(f"{trained.model}:ckpt-step-")
    assert found[0].metrics.full_valid_loss is not None
    assert trained.owner.ask(QUESTION, found[1].fine_tuned_model_checkpoint)


def test_strangers_get_404_for_all_of_it(trained: Trained) -> None:
    spy, job, model = trained.stranger.client(), trained.job, trained.model
    jobs = spy.fine_tuning.jobs
    assert model not in {each.id for each in spy.models.list()}
    assert not list(jobs.list())
    attempts: list[Callable[[], object]] = [
        lambda: trained.stranger.ask(QUESTION, model),
        lambda: spy.models.retrieve(model),
        lambda: spy.models.delete(model),
        lambda: jobs.retrieve(job.id),
        lambda: jobs.cancel(job.id),
        lambda: jobs.pause(job.id),
        lambda: jobs.resume(job.id),
        lambda: jobs.list_events(job.id),
        lambda: jobs.checkpoints.list(job.id),
        lambda: spy.files.content(job.result_files[0]),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()


def test_a_job_that_is_over_stays_over(trained: Trained) -> None:
    jobs = trained.owner.client().fine_tuning.jobs
    for attempt in (jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(openai.BadRequestError, match="succeeded"):
            attempt(trained.job.id)


def test_a_deleted_model_is_gone_and_its_base_stays(trained: Trained, owner: Tenant) -> None:
    client = owner.client()
    hyperparameters = {"n_epochs": 1, "batch_size": 64}
    method = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
    model = over(owner, begun(owner, method=method)).fine_tuned_model
    assert model
    assert owner.ask(QUESTION, model)
    assert client.models.delete(model).deleted
    for attempt in (client.models.retrieve, client.models.delete):
        with pytest.raises(openai.NotFoundError):
            attempt(model)
    assert owner.ask(QUESTION) == trained.before
