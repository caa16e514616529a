"""One computing thread (on tiny models more only wait), and one engine process for all tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import torch

from inference.engines.local.client import LocalEngine
from tests.engines.engine_process import engine
from tests.engines.small_models import make_folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def running_address(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine process that all tests may talk to, and none may end."""
    address = f"unix:{tmp_path_factory.mktemp('socket') / 'engine.sock'}"
    with engine(model_folder, address, "--name", "tiny", "--max-sequences", "16"):
        yield address


@pytest.fixture
async def client(running_address: str) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(running_address)
    yield engine
    await engine.close()
