"""The product under a benchmark: database and web process on a data folder that lasts as long."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[1] / "manage.py"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
NO_LIMITS = ("--requests-per-minute", "100000000", "--tokens-per-minute", "1000000000")


@dataclass(frozen=True)
class Site:
    """A running site with one tenant, whose limits and balance do not matter."""

    server: str
    port: int
    api_key: str
    web_process: int
    database: int  # the process above all of Postgres'

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.web_process)


def cpu_seconds(process: int) -> float:
    """What a process and all below it have used so far, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    below = [file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children")]
    children = [int(pid) for pids in below for pid in pids.split()]
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(map(cpu_seconds, children))


@contextmanager
def site(
    server: str,
    *models: tuple[str, ...],
    program: tuple[str, ...] = (sys.executable, str(MANAGE), "serve"),
) -> Iterator[Site]:
    """A site under `server` (daphne or uvicorn); `models` are arguments of `models add`, `program`
    is what serves it."""
    with tempfile.TemporaryDirectory(prefix=f"smarter-bench-{server}-") as folder:
        data, port = Path(folder), free_port()
        with _running(data, sys.executable, str(MANAGE), "postgres") as database:
            if not database.stdout or not database.stdout.readline():  # its address: it is up
                raise RuntimeError("The database did not start; its reason stands above.")
            manage(data, "migrate", "--verbosity", "0")
            for model in models:
                manage(data, "models", "add", *model, "--input-price", "1", "--output-price", "2")
            created = manage(
                *(data, "organisations", "create", "Bench", "--json", "--credit", "1000"),
                *NO_LIMITS,
            )
            with _running(data, *program, "--port", str(port), "--server", server) as web:
                _wait_for(port, web)
                yield Site(server, port, json.loads(created)["api_key"], web.pid, database.pid)


def manage(data: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(MANAGE), *arguments],
        env=_environment(data),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def _running(data: Path, *command: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        command,
        env=_environment(data),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if process.stdout:
            process.stdout.close()


def _environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "SMARTER_DATA": str(data), "LOG_LEVEL": "WARNING"}


def _wait_for(port: int, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("The web process did not start; its reason stands above.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
