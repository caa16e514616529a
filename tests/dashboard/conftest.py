"""Members who are signed in to the dashboard."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing import topping_up
from billing.models import Price
from dashboard import prompt_size
from tests.browser import seeding
from tests.cast import Person


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


@pytest.fixture(autouse=True)
def no_engine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's tests ask a real one."""
    monkeypatch.setattr(prompt_size, "of", lambda *_: None)


@pytest.fixture
def as_ada(ada: Person) -> Client:
    return signed_in(ada)


@pytest.fixture
def as_ben(ben: Person) -> Client:
    return signed_in(ben)


@pytest.fixture
def busy(ada: Person) -> Person:
    """A team with two months of calls."""
    lately = timezone.now() - timedelta(seconds=30)  # a test is one transaction: its now is past
    for model, rate in {"tiny": 1_000_000, "small": 50_000}.items():
        Price.objects.create(
            model=model, input=rate, cached_input=rate, output=2 * rate, effective_from=lately
        )
    topping_up.top_up(ada.organisation, 100 * 10**9, "busy")
    seeding.fill(ada.organisation.slug, calls_a_day=2)
    return ada
