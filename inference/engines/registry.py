"""From a catalog row's engine address to the engine that serves it, one client per event loop."""

import asyncio
import importlib
import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from inference.engines.adapted import AdaptedEngine
from inference.engines.base import Engine, EngineUnavailable
from inference.engines.local.client import LocalEngine
from inference.engines.remote import BadRemote, RemoteAddress, RemoteEngine
from inference.engines.remote.address import SCHEMES
from inference.engines.scripted import ScriptedEngine

SCRIPTED = "scripted:"
LOCAL = "local:"
REMOTE = "engine:"
ADAPTER = "adapter:"
RAY = "ray://"


class Served(Protocol):
    """What the registry needs to know of a catalog row."""

    @property
    def id(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def context_window(self) -> int: ...
    @property
    def socket(self) -> Path: ...
    @property
    def adapter(self) -> str | None: ...


@dataclass(slots=True)
class _Engines:
    """Of one event loop: by the address of a process, and by the id of a row of other servers."""

    by_address: dict[str, Engine] = field(default_factory=dict)
    by_row: dict[str, RemoteEngine] = field(default_factory=dict)
    retiring: dict[RemoteEngine, "asyncio.Task[None]"] = field(default_factory=dict)

    def retire(self, engine: RemoteEngine) -> None:
        self.retiring[engine] = task = asyncio.create_task(engine.retire())
        task.add_done_callback(lambda _: self.retiring.pop(engine, None))


_engines: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Engines]" = (
    weakref.WeakKeyDictionary()
)


def engine_for(entry: Served) -> Engine:
    """The engine behind an entry's address; the same object again while the event loop lives.

    Addresses: `scripted:`, `local:<folder>` (its own process on this machine),
    `engine:unix:<path>`, `engine:tcp:<host>:<port>`, `adapter:<folder's name>:<id of its base>`
    (in the base's own process), `http://…` (OpenAI-compatible servers, see RemoteAddress),
    `ray://<application>` (on a Ray cluster, with the extra `ray`).
    Raises EngineUnavailable for any other.
    """
    known = _engines.setdefault(asyncio.get_running_loop(), _Engines())
    if entry.engine.startswith(SCHEMES):
        return _remote(entry, known)
    if entry.engine.startswith(RAY):
        return _on_ray(entry, known)
    engines = known.by_address
    address = listening_address(entry)
    if address not in engines:
        engines[address] = _open(address)
    engine = engines[address]
    return AdaptedEngine(engine, entry.adapter) if entry.adapter else engine


def listening_address(entry: Served) -> str:
    """`scripted:`, or where the engine process listens: `unix:<path>` or `tcp:<host>:<port>`."""
    if entry.engine.startswith(SCRIPTED):
        return SCRIPTED
    if entry.engine.startswith((LOCAL, ADAPTER)):
        return f"unix:{entry.socket}"
    if entry.engine.startswith((REMOTE + "unix:", REMOTE + "tcp:")):
        return entry.engine.removeprefix(REMOTE)
    raise _unreachable(entry)


def remotes() -> Iterator[tuple[str, RemoteEngine]]:
    """This event loop's engines on other servers, each with the id of its row."""
    known = _engines.get(asyncio.get_running_loop())
    yield from known.by_row.items() if known else ()


async def close() -> None:
    """Close this event loop's engines (a server's last act; a test's too)."""
    known = _engines.pop(asyncio.get_running_loop(), _Engines())
    retiring = list(known.retiring)
    for task in known.retiring.values():
        task.cancel()
    for engine in (*known.by_address.values(), *known.by_row.values(), *retiring):
        await engine.close()


def _remote(entry: Served, known: _Engines) -> RemoteEngine:
    """A row that has been changed gets a new engine; the old one ends what it has begun."""
    try:
        address = RemoteAddress.read(entry.engine)
    except BadRemote as error:
        raise _unreachable(entry) from error
    engine = known.by_row.get(entry.id)
    if engine is None or engine.serves != (str(address), entry.context_window):
        if engine is not None:
            known.retire(engine)
        engine = known.by_row[entry.id] = RemoteEngine(address, entry.context_window)
    return engine


def _on_ray(entry: Served, known: _Engines) -> Engine:
    if entry.engine not in known.by_address:
        try:  # imported only here: Ray is large, and few need it
            module = importlib.import_module("inference.engines.rayserve.engine")
        except ImportError as error:
            raise _unreachable(entry) from error
        application = entry.engine.removeprefix(RAY)
        known.by_address[entry.engine] = module.RayEngine(application, entry.context_window)
    return known.by_address[entry.engine]


def _unreachable(entry: Served) -> EngineUnavailable:
    return EngineUnavailable(f"No engine can be reached at the address of {entry.id}.")


def _open(address: str) -> Engine:
    if address == SCRIPTED:
        return ScriptedEngine()
    return LocalEngine(address, secret=os.environ.get("SMARTER_ENGINE_SECRET"))
