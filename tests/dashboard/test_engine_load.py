"""The status page asks engines how busy they are, and waits for none that hangs."""

import socket
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard import engine_load
from inference.engines import sockets
from inference.engines.local.frames import EngineHealth
from inference.models import ServedModel
from tests.cast import Person


class Busy:
    """An engine that answers."""

    def __init__(self, address: str) -> None:
        assert address.startswith("unix:")

    async def health(self) -> EngineHealth:
        return EngineHealth("ok", 0.01, 3, 32, 1_200, 7)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def tiny(ada: Person, settings: Settings, tmp_path: Path) -> ServedModel:
    settings.DATA_DIR = tmp_path
    ServedModel.objects.all().delete()
    return ServedModel.objects.create(
        id="tiny", engine="local:/models/tiny", context_window=64, state="installed"
    )


def page(client: Client, ada: Person) -> str:
    text = client.get(f"/dashboard/{ada.organisation.slug}/status").content.decode()
    return text.split("<tbody>")[1].split("</tr>")[0]


def test_what_runs_and_what_waits_stands_beside_the_model(
    as_ada: Client, ada: Person, tiny: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_load, "LocalEngine", Busy)
    row = page(as_ada, ada)
    assert '>3<span class="unit"> / 32</span>' in row
    assert '>1,200<span class="unit"> tokens</span>' in row


def test_an_engine_that_hangs_keeps_nobody_waiting(
    as_ada: Client, ada: Person, tiny: ServedModel, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(sockets.path_for(tiny.id, tmp_path)))
        hanging.listen()
        assert ">\N{EN DASH}</td>" in page(as_ada, ada)  # it would hang for ever
