"""Which job a worker gets: one of an organisation at a time, and those that were left behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import Organisation
from inference.fine_tuning.models import FineTuningJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisations() -> list[Organisation]:
    return [Organisation.objects.create(name=name, slug=name) for name in ("a", "b")]


def job(organisation: Organisation, **fields: object) -> FineTuningJob:
    key, _ = keys.issue(organisation.id, scopes=["inference"])
    made: FineTuningJob = FineTuningJob.objects.create(
        organisation=organisation, key=key, model="m", seed=1, hyperparameters={}, **fields
    )
    return made


def claimed() -> str | None:
    found = FineTuningJob.objects.all().claimable().claim()
    return found and found.id


def test_an_organisation_has_one_job_at_work_and_others_go_first(
    organisations: list[Organisation],
) -> None:
    first, second = job(organisations[0]), job(organisations[0])
    other = job(organisations[1])
    assert claimed() == first.id
    assert claimed() == other.id
    assert claimed() is None
    FineTuningJob.objects.filter(pk=first.pk).update(lease_until=None, status="succeeded")
    assert claimed() == second.id


def test_a_lapsed_lease_is_taken_over(organisations: list[Organisation]) -> None:
    mine = job(organisations[0], status="running")
    assert claimed() == mine.id
    assert claimed() is None
    past = timezone.now() - timedelta(seconds=1)
    FineTuningJob.objects.update(lease_until=past)
    assert claimed() == mine.id


@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_what_rests_or_is_over_is_left_alone_unless_money_is_held(
    organisations: list[Organisation], status: str
) -> None:
    mine = job(organisations[0], status=status)
    assert claimed() is None
    FineTuningJob.objects.update(hold_id="gen_1")
    assert claimed() == mine.id


def test_one_that_broke_down_rests_for_a_while(organisations: list[Organisation]) -> None:
    mine = job(organisations[0], rests_until=timezone.now() + timedelta(seconds=60))
    assert claimed() is None
    FineTuningJob.objects.update(rests_until=timezone.now() - timedelta(seconds=1))
    assert claimed() == mine.id
