"""From a catalog row's engine address to the engine that serves it, one client per event loop."""

import asyncio
import os
import weakref
from pathlib import Path
from typing import Protocol

from inference.engines.adapted import AdaptedEngine
from inference.engines.base import Engine, EngineUnavailable
from inference.engines.local.client import LocalEngine
from inference.engines.scripted import ScriptedEngine

SCRIPTED = "scripted:"
LOCAL = "local:"
REMOTE = "engine:"
ADAPTER = "adapter:"


class Served(Protocol):
    """What the registry needs to know of a catalog row."""

    @property
    def id(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def socket(self) -> Path: ...
    @property
    def adapter(self) -> str | None: ...


_engines: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Engine]]" = (
    weakref.WeakKeyDictionary()
)


def engine_for(entry: Served) -> Engine:
    """The engine behind an entry's address; the same object again while the event loop lives.

    Addresses: `scripted:`, `local:<folder>` (its own process on this machine),
    `engine:unix:<path>`, `engine:tcp:<host>:<port>`, `adapter:<folder's name>:<id of its base>`
    (in the base's own process). Raises EngineUnavailable for any other.
    """
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
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
    raise EngineUnavailable(f"No engine can be reached at the address of {entry.id}.")


async def close() -> None:
    """Close this event loop's engines (a server's last act; a test's too)."""
    for engine in _engines.pop(asyncio.get_running_loop(), {}).values():
        await engine.close()


def _open(address: str) -> Engine:
    if address == SCRIPTED:
        return ScriptedEngine()
    return LocalEngine(address, secret=os.environ.get("SMARTER_ENGINE_SECRET"))
