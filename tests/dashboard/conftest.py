"""Members who are signed in to the dashboard."""

import pytest
from django.test import Client

from tests.cast import Person


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


@pytest.fixture
def as_ada(ada: Person) -> Client:
    return signed_in(ada)


@pytest.fixture
def as_ben(ben: Person) -> Client:
    return signed_in(ben)
