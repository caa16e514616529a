"""Models of other servers in the catalog: added by command, described by who answers now."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.test import Client

from inference.engines import registry, wellness
from inference.engines.base import EngineInfo
from inference.engines.local import connection, sockets
from inference.engines.local.frames import EngineHealth
from inference.models import ServedModel
from tests.cast import Person
from tests.catalog.command_line import PRICED, models
from tests.patience import PATIENCE
from tests.running import free_port

SECRET = "the same at both ends"
BIG = EngineInfo("big", 10, 0, 0, "", "")

pytestmark = pytest.mark.django_db


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port where somebody listens, until it is closed."""
    wellness.forget()
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made
    wellness.forget()


@dataclass(eq=False)
class Engine:
    """What a process that only tells how it is needs of itself."""

    secret: str
    status: str = "ok"
    info: EngineInfo = BIG
    connections: set[connection.Connection] = field(default_factory=set)

    def health(self) -> EngineHealth:
        return EngineHealth(self.status, 0.0, 0, 1, 0, 0)


@contextmanager
def serving(address: str) -> Iterator[Engine]:
    """Such an engine, in a thread of its own."""
    engine, loop = Engine(SECRET), asyncio.new_event_loop()
    host = cast("connection.Host", engine)
    server = loop.run_until_complete(sockets.listen(address, lambda: connection.Connection(host)))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield engine
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


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


def test_silence_is_no_answer_and_its_wait_is_short(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wellness, "PATIENCE", 0.1)
    place = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    began = time.monotonic()
    assert not wellness.answers(place)
    assert time.monotonic() - began < PATIENCE, "it would be two minutes"
    listening.close()
    assert not wellness.answers(place)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_status_of_engines_of_our_own_is_by_whether_one_is_well(
    ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(registry.SECRET, SECRET)
    monkeypatch.setattr(wellness, "FRESH_SECONDS", 0.0)
    address = f"tcp:127.0.0.1:{free_port()}" if kind == "tcp" else f"unix:{tmp_path / 'e.sock'}"
    away = f"engine:unix:{tmp_path / 'nobody.sock'}"
    ServedModel.objects.create(
        id="big", engine=f"{away} engine:{address}", context_window=10, state="installed"
    )

    assert status(ada) == "unavailable"
    with serving(address) as host:
        assert status(ada) == "installed"
        host.status = "stuck"
        assert status(ada) == "unavailable"
