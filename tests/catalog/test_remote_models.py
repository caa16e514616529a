"""Models of other servers in the catalog: added by command, described by who answers now."""

import socket
from collections.abc import Iterator

import pytest
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.test import Client

from inference.engines.remote import wellness
from inference.models import ServedModel
from tests.cast import Person
from tests.catalog.command_line import PRICED, models

pytestmark = pytest.mark.django_db


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port where somebody listens, until it is closed."""
    wellness.forget()
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made
    wellness.forget()


def status(person: Person) -> str:
    answer = Client().get(
        "/v1/model/info?model=big", headers={"Authorization": f"Bearer {person.key}"}
    )
    return str(answer.json()["status"])


def test_replicas_name_and_key_make_one_row() -> None:
    output = models(
        "add", "big", "--remote", "http://127.0.0.1:9/v1", "--remote", "http://127.0.0.1:7/v1/",
        "--remote-model", "meta/big", "--key-env", "VLLM_KEY", "--usage-each", "--count-there",
        "--context", 8192, *PRICED,
    )  # fmt: skip

    row = ServedModel.objects.get(pk="big")
    assert row.engine == (
        "http://127.0.0.1:9/v1 http://127.0.0.1:7/v1 model=meta/big key_env=VLLM_KEY "
        "usage=each count=tokenize"
    )
    assert (row.context_window, row.capabilities) == (8192, ["chat", "completions"])
    assert "http://127.0.0.1:7/v1 does not answer now" in output
    assert "big is installed." in output


def test_what_cannot_be_served_is_refused_with_the_reason() -> None:
    with pytest.raises(CommandError, match="--context"):
        models("add", "big", "--remote", "http://127.0.0.1:9/v1", *PRICED)
    with pytest.raises(CommandError, match="write http://HOST:PORT"):
        models("add", "big", "--remote", "http:///v1", "--context", 100, *PRICED)
    assert not ServedModel.objects.filter(pk="big").exists()


def test_the_administration_checks_addresses_as_the_command_does() -> None:
    row = ServedModel(id="big", engine="http://me:secret@a/v1", context_window=10)
    with pytest.raises(ValidationError, match="key_env"):
        row.full_clean()


def test_status_is_by_whether_somebody_answers(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    wellness.forget()
    answers = {"one": False, "two": True}
    monkeypatch.setattr(wellness, "answers", lambda url: answers[url.split("//")[1][:3]])
    ServedModel.objects.create(
        id="big", engine="http://one/v1 http://two/v1", context_window=10, state="installed"
    )

    assert status(ada) == "installed"
    answers["two"] = False
    assert status(ada) == "installed"  # asked just now
    wellness.forget()
    assert status(ada) == "unavailable"


def test_silence_is_no_answer_and_its_wait_is_short(listening: socket.socket) -> None:
    place = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    assert not wellness.answers(place)
    listening.close()
    assert not wellness.answers(place)
