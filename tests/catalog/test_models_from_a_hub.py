"""`manage.py models add --repo` brings a model of a hub into the data folder and the catalog."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from inference import downloading
from inference.models import ServedModel
from tests.catalog.command_line import PRICED, models
from tests.catalog.fake_hub import COMMIT, FakeHub, serving
from tests.catalog.folders import model_files, write_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_folder")]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    monkeypatch.setattr(downloading, "WAIT_SECONDS", 0)
    return FakeHub(model_files())


def add_from(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, *more: str) -> str:
    with serving(hub):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        return models("add", "tiny:1b", "--repo", "tiny/llama", *more)


def test_a_model_of_a_hub_is_kept_in_the_data_folder_until_it_is_removed(
    hub: FakeHub, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.cuts = 2

    add_from(hub, monkeypatch, *PRICED)

    folder = data_folder / "models" / f"tiny%3A1b@{COMMIT[:12]}"
    assert ServedModel.objects.get(pk="tiny:1b").engine == f"local:{folder}"
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    models("remove", "tiny:1b")
    assert not folder.exists()


def test_a_newer_revision_takes_the_place_of_the_older(
    hub: FakeHub, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = write_model(data_folder / "models" / "tiny%3A1b@000000000000")
    namesake = write_model(data_folder / "models" / "tiny%3A1b-chat@000000000000")

    add_from(hub, monkeypatch, *PRICED)

    assert not older.exists()
    assert namesake.exists()


def test_a_download_without_a_price_is_refused_before_it_begins(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="has no price yet"):
        add_from(hub, monkeypatch)

    assert hub.ranges == []


def test_a_damaged_download_installs_nothing(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.damaged = "model.safetensors"

    with pytest.raises(CommandError, match="arrived damaged"):
        add_from(hub, monkeypatch, *PRICED)

    assert not ServedModel.objects.exists()


def test_an_interrupted_command_says_that_it_can_go_on(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloading, "_receive", interrupt)

    with pytest.raises(CommandError, match="goes on where this one was"):
        add_from(hub, monkeypatch, *PRICED)
