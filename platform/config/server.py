"""The web process: one ASGI application under daphne or uvicorn, alone on its database."""

import errno
import gc
import importlib
import resource
import socket
from pathlib import Path
from typing import Literal, get_args

from django.conf import settings
from starlette.types import ASGIApp

from config import databases
from config.children import CannotStart
from config.draining import Drain
from config.large_bodies import LIMITS
from config.web_lock import only_web_process

Kind = Literal["daphne", "uvicorn"]
KINDS: tuple[str, ...] = get_args(Kind)
LARGEST_PORT = 65_535


def serve(host: str, port: int, kind: Kind) -> None:
    """Serve until told to stop. Raises CannotStart."""
    require_free_port(host, port)
    _allow_many_sockets()
    databases.for_requests(settings.DATABASES["default"], settings.DATABASE_POOL_SIZE)
    drain = Drain(settings.DRAIN_SECONDS)
    with only_web_process():
        # Each server installs an event loop of its own when imported, the site imports every app.
        application: ASGIApp = importlib.import_module("config.asgi").application
        module = importlib.import_module(f"config.{kind}_server")
        gc.freeze()  # what is loaded stays: nobody has to look through it again
        if kind == "daphne":
            incoming = Path(settings.FILE_UPLOAD_TEMP_DIR)
            module.DaphneServer(
                application, host, port, drain=drain, limits=LIMITS, incoming=incoming
            ).run()
        else:
            module.UvicornServer(application, host, port, drain=drain).run()


def require_free_port(host: str, port: int) -> None:
    if not 1 <= port <= LARGEST_PORT:
        raise CannotStart(f"{port} is no port: ports go from 1 to {LARGEST_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise CannotStart(_cannot_listen(host, port, error)) from error


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        another = f'make run ARGS="--port {port + 1 if port < LARGEST_PORT else port - 1}"'
        return f"Port {port} is taken. Stop the other server, or choose another: {another}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs special rights. Choose one above 1023 with --port."
    return f"{host} is no address of this machine. Choose another with --host."


def _allow_many_sockets() -> None:
    """Every stream is a socket; the soft limit of many systems is 1,024."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
