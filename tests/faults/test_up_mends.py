"""Who dies or hangs is started again, and a person is told."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.defaults import BUILT_IN_WEIGHTS
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mends") / "data").start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("word", "name"),
    [("manage.py serve ", "web process"), ("celery", "worker"), ("bin/postgres -D", "database")],
)
def test_a_killed_part_comes_back_and_is_mourned_aloud(site: Server, word: str, name: str) -> None:
    before = site.child(word)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: f"The {name} ended (SIGKILL)." in site.log(), PATIENCE, f"{name} mourned")
    wait_until(lambda: _other(site, word, before) and site.ready(), PATIENCE, f"{name} back")


def test_a_model_that_cannot_be_loaded_has_failed_until_it_can(
    site: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(BUILT_IN_WEIGHTS, folder)
    prices = ("--input-price", "1", "--output-price", "1")
    site.manage("models", "add", "fragile", "--path", str(folder), *prices)
    tenant = site.tenant("Fragile", credit="1.00", requests_per_minute=6000)
    wait_until(lambda: _status(tenant, "fragile")[0] == 200, PATIENCE, "answers")

    (folder / "tokenizer.json").rename(tmp_path / "kept")
    os.kill(site.child("--name fragile"), signal.SIGKILL)
    wait_until(lambda: _info(tenant) == "failed", PATIENCE, "marked as failed")
    wait_until(
        lambda: "`fragile` could not be loaded" in _status(tenant, "fragile")[1], PATIENCE, "told"
    )
    assert _status(tenant, "fragile")[0] == 503
    assert "tokenizer.json" in site.manage("models", "list")

    (tmp_path / "kept").rename(folder / "tokenizer.json")
    wait_until(lambda: _status(tenant, "fragile")[0] == 200, 60, "answers again")
    assert _info(tenant) == "installed"
    site.manage("models", "remove", "fragile")


def _info(tenant: Tenant) -> object:
    return tenant.get("/v1/model/info?model=fragile")["status"]


def _status(tenant: Tenant, model: str) -> tuple[int, str]:
    body = {"model": model, "prompt": "Hello", "max_tokens": 1}
    with tenant.http() as http:
        answer = http.post("/v1/completions", json=body)
    return answer.status_code, answer.text


def _other(site: Server, word: str, before: int) -> bool:
    return any(word in line and pid != before for pid, line in site.children().items())
