"""A banner over every page says what does not work now, until it works again."""

import socket
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from api import presence
from dashboard import troubles
from inference.engines import sockets
from inference.models import ServedModel
from tests.cast import Person
from tests.patience import PATIENCE
from tests.running import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
STOPPED = "Background work has stopped."


@pytest.fixture(autouse=True)
def long_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "STARTING_SECONDS", -1.0)


@pytest.fixture
def team(ada: Person) -> str:
    ServedModel.objects.all().delete()
    return f"/dashboard/{ada.organisation.slug}"


def shown(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_the_banner_stands_while_no_worker_says_that_it_is_there(as_ada: Client, team: str) -> None:
    assert STOPPED in shown(as_ada, f"{team}/overview")
    assert "Something is down" in shown(as_ada, f"{team}/overview")
    worker = presence.Saying(presence.WORKER)
    worker.start()
    try:
        wait_until(lambda: presence.is_there(presence.WORKER), PATIENCE, "the worker is seen")
        assert STOPPED not in shown(as_ada, f"{team}/overview")
        assert STOPPED not in shown(as_ada, f"{team}/conversations")
    finally:
        worker.stop()
    wait_until(lambda: not presence.is_there(presence.WORKER), PATIENCE, "its absence is seen")
    assert STOPPED in shown(as_ada, f"{team}/conversations")


def test_one_that_hangs_is_no_longer_there(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = presence.Saying(presence.WORKER)
    worker.start()
    try:
        wait_until(lambda: presence.is_there(presence.WORKER), PATIENCE, "the worker is seen")
        monkeypatch.setattr(presence, "LATE_SECONDS", 0.0)  # as if it had said nothing since
        assert not presence.is_there(presence.WORKER)
    finally:
        worker.stop()


def test_nobody_is_alarmed_while_the_worker_is_awaited_for_the_first_time(
    as_ada: Client, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubles, "STARTING_SECONDS", 1e9)
    monkeypatch.setattr(troubles, "_met", set())
    assert STOPPED not in shown(as_ada, f"{team}/overview")
    monkeypatch.setattr(troubles, "_met", {presence.WORKER})  # it was there, and is gone
    assert STOPPED in shown(as_ada, f"{team}/overview")


def test_an_engine_is_told_of_while_nobody_takes_its_calls(
    as_ada: Client, team: str, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    model = ServedModel.objects.create(
        id="tiny", engine="local:/models/tiny", context_window=64, state=ServedModel.State.INSTALLED
    )
    place = sockets.path_for(model.id, tmp_path)
    place.touch()  # what a killed engine leaves behind
    assert "tiny does not answer." in shown(as_ada, f"{team}/status")
    place.unlink()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(place))
        engine.listen()
        assert "tiny does not answer." not in shown(as_ada, f"{team}/status")


def test_a_page_that_shows_it_already_is_sent_nothing(as_ada: Client, team: str) -> None:
    banner = shown(as_ada, f"{team}/status/told")
    assert STOPPED in banner
    again = banner.split('hx-get="')[1].split('"')[0]
    assert as_ada.get(again).status_code == 204
