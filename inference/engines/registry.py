"""From a catalog row's engine address to the engine that serves it, one client per event loop."""

import asyncio
import importlib
import os
import re
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from inference.engines.adapted import AdaptedEngine
from inference.engines.base import Engine, EngineUnavailable
from inference.engines.local.client import LocalEngine
from inference.engines.local.replicated import ReplicatedEngine
from inference.engines.remote import BadRemote, RemoteAddress, RemoteEngine
from inference.engines.remote.address import SCHEMES
from inference.engines.scripted import ScriptedEngine

SCRIPTED = "scripted:"
LOCAL = "local:"
REMOTE = "engine:"
ADAPTER = "adapter:"
RAY = "ray://"
SECRET = "SMARTER_ENGINE_SECRET"  # noqa: S105 - the name of a variable
_NEXT = re.compile(rf"\s+(?={REMOTE})")
_PROCESS = re.compile(rf"{REMOTE}(unix:/.+|tcp:\S+)")


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
    """Of one event loop: by the id of a row of other servers, by the addresses of our processes."""

    others: dict[str, Engine] = field(default_factory=dict)
    by_row: dict[str, RemoteEngine] = field(default_factory=dict)
    retiring: dict[RemoteEngine, "asyncio.Task[None]"] = field(default_factory=dict)
    processes: dict[str, LocalEngine] = field(default_factory=dict)
    by_processes: dict[tuple[str, ...], LocalEngine | ReplicatedEngine] = field(
        default_factory=dict
    )

    def of_processes(self, addresses: tuple[str, ...]) -> LocalEngine | ReplicatedEngine:
        """One process has one connection, whether it is a replica or alone."""
        if addresses not in self.by_processes:
            found = {address: self._process(address) for address in addresses}
            alone = found[addresses[0]] if len(found) == 1 else None
            self.by_processes[addresses] = alone or ReplicatedEngine(found)
        return self.by_processes[addresses]

    def _process(self, address: str) -> LocalEngine:
        secret = os.environ.get(SECRET)
        return self.processes.setdefault(address, LocalEngine(address, secret=secret))

    def all(self) -> tuple[Engine, ...]:
        """Those with connections last: the others speak over them."""
        ours = (*self.by_processes.values(), *self.processes.values())
        return (*self.by_row.values(), *self.retiring, *self.others.values(), *ours)

    def retire(self, engine: RemoteEngine) -> None:
        self.retiring[engine] = task = asyncio.create_task(engine.retire())
        task.add_done_callback(lambda _: self.retiring.pop(engine, None))


_engines: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Engines]" = (
    weakref.WeakKeyDictionary()
)


def engine_for(entry: Served) -> Engine:
    """The engine behind an entry's address; the same object again while the event loop lives.

    Addresses: `scripted:`, `local:<folder>` (its own process on this machine),
    `engine:unix:<path>`, `engine:tcp:<host>:<port>` (several of them: replicas),
    `adapter:<folder's name>:<id of its base>` (in the base's own process), `http://…`
    (OpenAI-compatible servers, see RemoteAddress), `ray://<application>` (on a Ray cluster, with
    the extra `ray`).
    Raises EngineUnavailable for any other.
    """
    known = _engines.setdefault(asyncio.get_running_loop(), _Engines())
    if entry.engine.startswith(SCHEMES):
        return _remote(entry, known)
    if entry.engine.startswith(RAY):
        return _on_ray(entry, known)
    if entry.engine.startswith(SCRIPTED):
        if SCRIPTED not in known.others:
            known.others[SCRIPTED] = ScriptedEngine()
        return known.others[SCRIPTED]
    if not (addresses := listening_addresses(entry)):
        raise _unreachable(entry)
    engine = known.of_processes(addresses)
    return AdaptedEngine(engine, entry.adapter) if entry.adapter else engine


def listening_addresses(entry: Served) -> tuple[str, ...]:
    """Where its processes listen, each `unix:<path>` or `tcp:<host>:<port>`; () if it has none."""
    if entry.engine.startswith((LOCAL, ADAPTER)):
        return (f"unix:{entry.socket}",)
    return named_processes(entry.engine)


def named_processes(engine: str) -> tuple[str, ...]:
    """Of `engine:tcp:a:1 engine:tcp:b:1`; () where that is not what it says."""
    named = [_PROCESS.fullmatch(one) for one in _NEXT.split(engine)]
    return tuple(dict.fromkeys(one[1] for one in named if one)) if all(named) else ()


def remotes() -> Iterator[tuple[str, RemoteEngine]]:
    """This event loop's engines on other servers, each with the id of its row."""
    known = _engines.get(asyncio.get_running_loop())
    yield from known.by_row.items() if known else ()


def processes() -> tuple[LocalEngine, ...]:
    """This event loop's engine processes, here and on other hosts."""
    known = _engines.get(asyncio.get_running_loop())
    return tuple(known.processes.values()) if known else ()


async def close() -> None:
    """Close this event loop's engines (a server's last act; a test's too)."""
    known = _engines.pop(asyncio.get_running_loop(), _Engines())
    engines = known.all()
    for task in known.retiring.values():
        task.cancel()
    for engine in engines:
        await engine.close()


def _remote(entry: Served, known: _Engines) -> RemoteEngine:
    """A row that has been changed gets a new engine; the old one ends what it has begun."""
    engine = known.by_row.get(entry.id)
    if engine is not None and engine.serves == (entry.engine, entry.context_window):
        return engine
    try:
        address = RemoteAddress.read(entry.engine)
    except BadRemote as error:
        raise _unreachable(entry) from error
    if engine is None or engine.serves != (str(address), entry.context_window):
        if engine is not None:
            known.retire(engine)
        engine = known.by_row[entry.id] = RemoteEngine(address, entry.context_window)
    return engine


def _on_ray(entry: Served, known: _Engines) -> Engine:
    if entry.engine not in known.others:
        try:  # imported only here: Ray is large, and few need it
            module = importlib.import_module("inference.engines.rayserve.engine")
        except ImportError as error:
            raise _unreachable(entry) from error
        application = entry.engine.removeprefix(RAY)
        known.others[entry.engine] = module.RayEngine(application, entry.context_window)
    return known.others[entry.engine]


def _unreachable(entry: Served) -> EngineUnavailable:
    return EngineUnavailable(f"No engine can be reached at the address of {entry.id}.")
