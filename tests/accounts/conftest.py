"""Clients that speak with a key, and a process that remembers nothing of the last test."""

from collections.abc import Callable, Iterator

import pytest
from rest_framework.test import APIClient

from accounts import last_use
from api import rate_limits

ClientOf = Callable[[str], APIClient]


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
