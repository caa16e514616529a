"""Ada's key at the REST door, and files to send."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.cast import Person

Send = Callable[..., dict[str, object]]


@pytest.fixture(autouse=True)
def incoming_folder(settings: Settings, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path


@pytest.fixture
def http(ada: Person) -> APIClient:
    return client_of(ada)


def client_of(person: Person) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {person.key}")
    return client


def named(name: str, content: bytes | str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
