"""Callers of /v1/manifests."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.cast import Person

Apply = Callable[..., tuple[int, dict[str, Any]]]


def caller(person: Person) -> Client:
    return Client(headers={"Authorization": f"Bearer {person.key}"})


@pytest.fixture
def apply(ada: Person) -> Apply:
    """POSTs YAML texts as files a.yaml, b.yaml …; the status and the body."""

    def applied(*texts: str, by: Person = ada, dry_run: bool = False) -> tuple[int, dict[str, Any]]:
        files = [{"name": f"{chr(97 + i)}.yaml", "text": text} for i, text in enumerate(texts)]
        answer = caller(by).post(
            "/v1/manifests", {"files": files, "dry_run": dry_run}, content_type="application/json"
        )
        return answer.status_code, answer.json()

    return applied
