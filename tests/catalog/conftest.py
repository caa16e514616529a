"""What tests of the catalog have in common."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture
def data_folder(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"
