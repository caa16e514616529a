"""Ada, Ben and Mallory, clients that speak with their keys, a clean end for the pool."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import keys, last_use
from accounts.models import Membership, Organisation, User
from accounts.registration import create_organisation
from api import database, rate_limits


@dataclass(frozen=True)
class Person:
    user: User
    organisation: Organisation
    key: str


ClientOf = Callable[[str], APIClient]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """A password hash is slow on purpose, and no purpose of these tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What a process remembers of keys between calls, no test inherits."""
    rate_limits.forget_all()
    last_use.forget_all()
    yield
    rate_limits.forget_all()


@pytest.fixture
def client_of() -> ClientOf:
    """`client_of(ada.key).get("/v1/me")`."""

    def client_of(key: str) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return client_of


@pytest.fixture
async def pool(transactional_db: None) -> AsyncIterator[None]:
    """Real commits, seen by both roads to the database; the pool is closed at the end."""
    yield
    await database.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def ada(db: None) -> Person:
    made = create_organisation("Ada's bakery", "ada@example.com", "correct horse")
    return Person(made.user, made.organisation, made.api_key)


@pytest.fixture
def ben(ada: Person) -> Person:
    user = User.objects.create_user("ben@example.com", "battery staple")
    member = Membership.objects.create(organisation=ada.organisation, user=user, role="analyst")
    _, plaintext = keys.issue(
        ada.organisation.id, name="Ben's", scopes=sorted(member.scopes), created_by=user
    )
    return Person(user, ada.organisation, plaintext)


@pytest.fixture
def mallory(db: None) -> Person:
    made = create_organisation("Mallory's mill", "mallory@example.com", "open sesame")
    return Person(made.user, made.organisation, made.api_key)
