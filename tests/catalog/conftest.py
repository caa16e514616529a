"""Organisations that call, and a data folder of each test's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import registration
from accounts.models import APIKey, Organisation


@dataclass(frozen=True)
class Tenant:
    organisation: Organisation
    key: str

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = Client().get(path, headers={"Authorization": f"Bearer {self.key}"})
        return answer.status_code, answer.json()

    def may_call_only(self, *models: str) -> None:
        APIKey.objects.filter(organisation=self.organisation).update(allowed_models=list(models))


@pytest.fixture
def tenant(db: None) -> Tenant:
    made = registration.create_organisation("Bees", requests_per_minute=10_000)
    return Tenant(made.organisation, made.api_key)


@pytest.fixture
def stranger(db: None) -> Tenant:
    made = registration.create_organisation("Wasps", requests_per_minute=10_000)
    return Tenant(made.organisation, made.api_key)


@pytest.fixture
def data_folder(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"
