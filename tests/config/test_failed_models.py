"""A model that its engine cannot load is `failed` in the catalog, with the reason, until it can."""

import signal
from pathlib import Path

import pytest

from config import parts
from config.engines import Engines
from config.supervision import Part, Trouble
from inference.engines import sockets
from inference.models import ServedModel

pytestmark = pytest.mark.django_db

State = ServedModel.State


class Watched:
    """A supervisor that starts nothing, and tells of its parts what a test says."""

    def __init__(self) -> None:
        self.started: list[Part] = []
        self.troubles: dict[str, Trouble] = {}
        self.well: set[str] = set()

    def want(self, part: Part) -> None:
        self.started.append(part)

    def trouble(self, name: str) -> Trouble | None:
        return self.troubles.get(name)

    def is_well(self, name: str) -> bool:
        return name in self.well


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def site(watched: Watched, tmp_path: Path, settings: object) -> Engines:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]  # pytest-django's wrapper
    (tmp_path / "logs").mkdir()
    return Engines(watched)  # type: ignore[arg-type]  # it has what `Engines` calls


@pytest.fixture
def model(tmp_path: Path) -> ServedModel:
    ServedModel.objects.all().delete()
    return ServedModel.objects.create(
        id="big", engine=f"local:{tmp_path}", context_window=512, state=State.INSTALLED
    )


NAME = parts.engine_name("big")


def refusal(tmp_path: Path, words: str) -> Trouble:
    socket = sockets.path_for("big", tmp_path)
    parts.engine_log(socket).write_text(f"a traceback\n{words}\n\n")
    return Trouble("ended (code 1)", code=1, deaths=1)


def killed(times: int) -> Trouble:
    return Trouble("ended (SIGKILL)", code=-signal.SIGKILL, deaths=times)


def test_what_an_engine_refuses_has_failed_with_its_words(
    site: Engines, watched: Watched, model: ServedModel, tmp_path: Path
) -> None:
    watched.troubles[NAME] = refusal(tmp_path, "The tokenizer of /srv/big is not usable: no file.")
    site.follow()
    model.refresh_from_db()
    assert model.state == State.FAILED
    assert model.failure == "The tokenizer of /srv/big is not usable: no file."


@pytest.mark.parametrize(("times", "state"), [(2, State.INSTALLED), (3, State.FAILED)])
def test_one_that_is_killed_fails_when_that_repeats(
    site: Engines, watched: Watched, model: ServedModel, times: int, state: str
) -> None:
    watched.troubles[NAME] = killed(times)
    site.follow()
    model.refresh_from_db()
    assert model.state == state
    assert ("ended (SIGKILL), 3 times in a row" in model.failure) == (state == State.FAILED)


def test_it_is_tried_again_and_recovers_when_it_answers(
    site: Engines, watched: Watched, model: ServedModel
) -> None:
    watched.troubles[NAME] = killed(5)
    site.follow()
    watched.troubles.clear()
    assert site.follow() == {NAME}  # it is still wanted
    model.refresh_from_db()
    assert model.state == State.FAILED  # starting is not yet answering
    watched.well.add(NAME)
    site.follow()
    model.refresh_from_db()
    assert (model.state, model.failure) == (State.INSTALLED, "")


def test_who_repairs_the_row_meanwhile_is_not_overruled(model: ServedModel) -> None:
    as_read = ServedModel.objects.get(pk=model.pk)
    ServedModel.objects.update(engine="local:/srv/another")
    as_read.note_failure("The old folder is broken.")
    model.refresh_from_db()
    assert (model.state, model.failure) == (State.INSTALLED, "")


def test_the_engines_of_the_last_run_start_before_the_catalog_is_read(
    site: Engines, watched: Watched, model: ServedModel, tmp_path: Path
) -> None:
    (tmp_path / "config.json").touch()
    site.follow()
    ServedModel.objects.all().delete()
    again = Watched()
    Engines(again).start_last()  # type: ignore[arg-type]  # as above
    assert [part.version for part in again.started] == [part.version for part in watched.started]
    assert len(again.started) == 1


@pytest.mark.parametrize("written", ["", "nonsense", "[1]", '[["a", "b"]]', '[["a", "/none", 5]]'])
def test_nobody_stumbles_over_what_stands_in_that_file(
    site: Engines, watched: Watched, tmp_path: Path, written: str
) -> None:
    (tmp_path / "engines.json").write_text(written)
    site.start_last()
    assert watched.started == []
