"""The parts of the running site: how each child process is started and asked whether it is well."""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from config import children, postgres
from config.supervision import Part
from inference.engines.base import EngineError
from inference.engines.local.client import LocalEngine

DATABASE, WEB, WORKER = "database", "web process", "worker"
TRAINING = "training worker"
_MANAGE = (sys.executable, settings.BASE_DIR / "manage.py")
_LARGEST_LOG = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    server: str

    @property
    def here(self) -> str:
        """The host by which this machine reaches it, also when it listens on all addresses."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        return everywhere.get(self.host, self.host)

    @property
    def url(self) -> str:
        host = f"[{self.here}]" if ":" in self.here else self.here
        return f"http://{host}:{self.port}"


def database() -> Part:
    place = postgres.home(settings.DATA_DIR)
    sockets = postgres.socket_folder(settings.DATA_DIR)
    return Part(
        DATABASE,
        start=partial(postgres.start, place, sockets),
        ask_to_stop=signal.SIGINT,
    )


def web(address: Address) -> Part:
    return Part(
        WEB,
        start=partial(
            _spawn, "web", *_MANAGE, "serve", "--host", address.host,
            "--port", str(address.port), "--server", address.server,
            ALLOWED_HOSTS=",".join(_hosts(address)),
        ),
        answers=partial(web_answers, address, "/health/live"),
        stop_seconds=settings.DRAIN_SECONDS + 10,
    )  # fmt: skip


def worker(address: Address) -> Part:
    """Its mails lead to `SITE_URL`; where nobody has said it, to where this server listens."""
    return Part(
        WORKER,
        start=partial(
            _spawn, "worker", sys.executable, "-m", "celery", "--app", "config.celery", "worker",
            "--pool", "threads", "--concurrency", "4", "--loglevel", "info",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
            DJANGO_SETTINGS_MODULE="config.settings",
            SITE_URL=os.environ.get("SITE_URL") or address.url,
        ),
    )  # fmt: skip


def training_worker() -> Part:
    """One job at a time; each in a process of its own, which it gives time to keep its state."""
    return Part(
        TRAINING,
        start=partial(
            _spawn, "training", sys.executable, "-m", "celery", "--app", "config.celery", "worker",
            "--queues", "training", "--hostname", "training@%h", "--pool", "threads",
            "--concurrency", "1", "--loglevel", "info",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
            DJANGO_SETTINGS_MODULE="config.settings",
        ),
        stop_seconds=15.0,
    )  # fmt: skip


def engine_name(model_id: str) -> str:
    return f"engine of {model_id}"


def engine(model_id: str, folder: str, context_window: int, listens: Path) -> Part:
    return Part(
        engine_name(model_id),
        start=partial(
            _spawn, _engine_log(listens), *_MANAGE, "serve_engine",
            "--model", folder, "--name", model_id, "--context", str(context_window),
            "--listen", f"unix:{listens}", "--adapters", settings.DATA_DIR / "adapters",
        ),
        answers=partial(engine_answers, listens),
        stop_seconds=5.0,
        version=f"{folder} {context_window}",
    )  # fmt: skip


def engine_log(listens: Path) -> Path:
    return _file(_engine_log(listens))


def web_answers(address: Address, path: str) -> bool:
    """200 within five seconds?"""
    connection = http.client.HTTPConnection(address.here, address.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def engine_answers(listens: Path) -> bool:
    """Does the engine say that it is well, within ten seconds?"""
    try:
        return asyncio.run(_engine_status(listens)) == "ok"
    except (EngineError, TimeoutError):
        return False


async def _engine_status(listens: Path) -> str:
    client = LocalEngine(f"unix:{listens}")
    try:
        async with asyncio.timeout(10):
            return (await client.health()).status
    finally:
        await client.close()


def _spawn(log: str, *command: str | Path, **environment: str) -> "subprocess.Popen[bytes]":
    file = _file(log)
    if file.exists() and file.stat().st_size > _LARGEST_LOG:
        file.replace(file.with_suffix(".log.1"))
    return children.spawn(
        command,
        log=file,
        # What a drain would save, the sweep saves too; nothing may outlive us by half a minute.
        on_our_death=signal.SIGKILL,
        environment={**os.environ, **environment},
    )


def _engine_log(listens: Path) -> str:
    return f"engine-{listens.stem}"


def _file(log: str) -> Path:
    return Path(settings.DATA_DIR) / "logs" / f"{log}.log"


def _hosts(address: Address) -> list[str]:
    """In development whoever binds to the network also wants to be called from there."""
    is_open = address.host not in {"localhost", "127.0.0.1", "::1"}
    return ["*"] if is_open and not settings.PRODUCTION else settings.ALLOWED_HOSTS
