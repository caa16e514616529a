"""Which processes belong to a site, also after their parent has died."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from config import postgres
from tests import clerk
from tests.patience import PATIENCE
from tests.running import MANAGE, Server


def living(data: Path) -> dict[int, str]:
    """Every process whose environment or working folder names this data folder: pid → command.

    Without the one that runs our own management commands.
    """
    marks = {os.fsencode(data), os.fsencode((data / "postgres").resolve())}
    return {
        int(process.name): _read(process / "cmdline").replace(b"\0", b" ").decode(errors="replace")
        for process in Path("/proc").glob("[0-9]*")
        if process.name != str(os.getpid())
        and os.fsencode(clerk.__name__) not in _read(process / "cmdline")
        and any(mark in _read(process / "environ") + _folder(process) for mark in marks)
    }


def refused(server: Server, *options: str, **environment: str) -> str:
    """Start `up` where it cannot start: it ends by itself with 1 and one sentence, returned."""
    done = subprocess.run(
        [sys.executable, MANAGE, "up", "--port", str(server.port), *options],
        env={**server.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("✓")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def ended(server: Server, seconds: float) -> int:
    """Wait for the end of a site that was told to stop; its exit status."""
    assert server.process is not None
    assert server.process.stdout is not None
    code = server.process.wait(seconds)
    server.process.stdout.close()
    return code


def money(data: Path) -> dict[str, tuple[int, int]]:
    """What the ledger of a stopped site says: organisation → (available, held), nano-dollars."""
    sockets = postgres.socket_folder(data)
    database = postgres.start(postgres.home(data), sockets)
    try:
        with psycopg.connect(
            host=str(sockets), user=postgres.USER, dbname=postgres.DATABASE
        ) as connection:
            rows = connection.execute(
                "SELECT organisation_id, available, held FROM billing_account "
                "WHERE kind = 'customer'"
            )
            return {organisation: (available, held) for organisation, available, held in rows}
    finally:
        database.send_signal(signal.SIGINT)
        database.wait(PATIENCE)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # ended meanwhile, or somebody else's
        return b""


def _folder(process: Path) -> bytes:
    try:
        return os.fsencode((process / "cwd").readlink())
    except OSError:
        return b""
