"""Gateways beside ours: installed into a folder of their own, started, and asked for their time."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.http_site import cpu_seconds, free_port

LITELLM: Final = "litellm[proxy]==1.106.2"
PORTKEY: Final = {
    "private": True,
    "dependencies": {"@portkey-ai/gateway": "1.15.2"},
    "overrides": {"@hono/node-server": "1.13.8"},  # with newer ones it fails on every stream
}
START_SECONDS: Final = 120.0
_PORTKEYS_SERVER: Final = "node_modules/@portkey-ai/gateway/build/start-server.js"


@dataclass(frozen=True)
class Peer:
    """Something that answers POST /v1/chat/completions; its whole tree of processes counts."""

    name: str
    port: int
    process: int
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str = "scripted"

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process)


def install(folder: Path) -> None:
    """Both peers, once; pip and npm ask the registries that they are set up for."""
    litellm, portkey = folder / "litellm", folder / "portkey"
    if not _installed(litellm, LITELLM):
        print(f"Installing {LITELLM} into {litellm} …", flush=True)
        _run(sys.executable, "-m", "venv", "--clear", str(litellm))
        _run(str(litellm / "bin/pip"), "install", "--quiet", LITELLM)
        (litellm / "installed").write_text(LITELLM)
    if not _installed(portkey, wanted := json.dumps(PORTKEY)):
        print(f"Installing Portkey's gateway into {portkey} …", flush=True)
        npm = shutil.which("npm") or sys.exit("Portkey's gateway needs Node 20 or newer, and npm.")
        portkey.mkdir(parents=True, exist_ok=True)
        (portkey / "package.json").write_text(wanted)
        _run(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(portkey))
        (portkey / "installed").write_text(wanted)


@contextmanager
def upstream() -> Iterator[Peer]:
    port = free_port()
    with _started(
        "upstream", port, [sys.executable, "-m", "bench.scripted_upstream", str(port)]
    ) as it:
        yield it


@contextmanager
def pass_through(to: Peer) -> Iterator[Peer]:
    port = free_port()
    command = [sys.executable, "-m", "bench.pass_through", str(port), str(to.port)]
    with _started("pass-through", port, command) as it:
        yield it


@contextmanager
def litellm(folder: Path, to: Peer) -> Iterator[Peer]:
    """One worker, no database, no keys, as its documentation starts it."""
    port, settings = free_port(), folder / "litellm.json"  # JSON is YAML, too
    params = {"model": "openai/scripted", "api_base": _base(to), "api_key": "none"}
    row = {"model_name": "scripted", "litellm_params": params}
    settings.write_text(json.dumps({"model_list": [row]}))
    binary = str(folder / "litellm/bin/litellm")
    command = [binary, "--config", str(settings), "--host", "127.0.0.1", "--port", str(port)]
    settings_too = {
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with _started("LiteLLM", port, [*command, "--telemetry", "False"], settings_too) as it:
        yield it


@contextmanager
def portkey(folder: Path, to: Peer) -> Iterator[Peer]:
    """It is told in headers where to go."""
    port = free_port()
    node = shutil.which("node") or sys.exit("Portkey's gateway needs Node 20 or newer.")
    command = [node, str(folder / "portkey" / _PORTKEYS_SERVER), f"--port={port}", "--headless"]
    headers = {
        "Authorization": "Bearer none",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": _base(to),
    }
    with _started("Portkey", port, command, {"NODE_ENV": "production"}, headers) as it:
        yield it


@contextmanager
def _started(
    name: str,
    port: int,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Peer]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        peer = Peer(name, port, process.pid, headers or {})
        _wait_for(peer, process)
        yield peer
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait_for(peer: Peer, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{peer.port}/", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{peer.name} did not start.")


def _base(peer: Peer) -> str:
    return f"http://127.0.0.1:{peer.port}/v1"


def _installed(folder: Path, what: str) -> bool:
    note = folder / "installed"
    return note.exists() and note.read_text() == what


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
