"""From a catalog row to its engine: addresses, one client per event loop, private sockets."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.engines import registry, sockets
from inference.engines.base import EngineUnavailable
from inference.engines.local.replicated import ReplicatedEngine
from inference.engines.scripted import ScriptedEngine


@dataclass(frozen=True)
class Row:
    id: str
    engine: str
    socket: Path = Path("/run/e.sock")
    adapter: str | None = None
    context_window: int = 1000


@pytest.mark.parametrize(
    ("address", "listening"),
    [
        ("local:/models/a", ["unix:/run/e.sock"]),
        ("adapter:ftjob-1:a", ["unix:/run/e.sock"]),
        ("engine:unix:/run/a place/e.sock", ["unix:/run/a place/e.sock"]),
        ("engine:tcp:10.0.0.1:7000", ["tcp:10.0.0.1:7000"]),
        ("engine:tcp:a:7000 engine:tcp:b:7000", ["tcp:a:7000", "tcp:b:7000"]),
        ("scripted:", []),
    ],
)
def test_each_kind_of_address_leads_to_where_its_engines_listen(
    address: str, listening: list[str]
) -> None:
    assert list(registry.listening_addresses(Row("m", address))) == listening


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://",
        "http://a/v1?x=1",
        "ray://app",
        "engine:file:/x",
        "local",
        "engine:tcp:a:1 engine:http:b",
    ],
)
async def test_an_address_without_an_engine_is_unavailable(address: str) -> None:
    with pytest.raises(EngineUnavailable, match="some-model"):
        registry.engine_for(Row("some-model", address))


async def test_one_address_has_one_engine_in_an_event_loop() -> None:
    first = registry.engine_for(Row("a", "scripted:"))

    assert isinstance(first, ScriptedEngine)
    assert registry.engine_for(Row("b", "scripted:")) is first
    assert await asyncio.to_thread(asyncio.run, elsewhere()) is not first
    await registry.close()
    assert registry.engine_for(Row("a", "scripted:")) is not first


async def test_several_addresses_are_one_engine_and_each_process_has_one_connection() -> None:
    both = registry.engine_for(Row("m", "engine:tcp:a:1 engine:tcp:b:1"))
    alone = registry.engine_for(Row("n", "engine:tcp:a:1"))

    assert isinstance(both, ReplicatedEngine)
    assert [one.address for one in both.replicas.all] == ["tcp:a:1", "tcp:b:1"]
    assert both._engines["tcp:a:1"] is alone
    await registry.close()


async def elsewhere() -> object:
    return registry.engine_for(Row("a", "scripted:"))


def test_a_socket_is_short_private_and_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = Path("/a/very/long/data/folder" * 10)

    path = sockets.path_for("llama3:8b-instruct-q8_0", data)

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(str(path)) - len(str(tmp_path)) < 50
    assert path == sockets.path_for("llama3:8b-instruct-q8_0", data)
    assert path != sockets.path_for("smarter-mini", data)
    assert path.parent != sockets.folder(tmp_path)


@pytest.mark.parametrize("trap", ["link", "file", "open folder"])
def test_a_socket_folder_that_others_could_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = sockets.folder(tmp_path)
    place.rmdir()
    if trap == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "theirs")
    elif trap == "file":
        place.touch(mode=0o600)
    else:
        place.mkdir()
        place.chmod(0o777)

    with pytest.raises(PermissionError, match="only this user"):
        sockets.folder(tmp_path)


def test_a_socket_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = sockets.folder(tmp_path)
    stranger = os.getuid() + 1
    place.rename(tmp_path / place.name.replace(f"-{os.getuid()}-", f"-{stranger}-"))
    monkeypatch.setattr(os, "getuid", lambda: stranger)

    with pytest.raises(PermissionError, match="only this user"):
        sockets.folder(tmp_path)
