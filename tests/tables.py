"""The tables of a run: migrated once while workers collect their tests, and copied for each."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

TEMPLATE: Final = "migrated"
ADDRESS: Final = "SMARTER_TEST_TABLES"  # of the server, for workers that may expect them
_UNFINISHED: Final = "unfinished"
_ROOT: Final = Path(__file__).resolve().parents[1]


def begin(host: str, user: str) -> "subprocess.Popen[bytes]":
    os.environ[ADDRESS] = make_conninfo(host=host, user=user, dbname="postgres")
    place = f"postgres:///{_UNFINISHED}?host={host}&user={user}"
    return subprocess.Popen(
        [sys.executable, "-m", __name__], env={**os.environ, "DATABASE_URL": place}, cwd=_ROOT
    )


def are_there() -> bool:
    with psycopg.connect(os.environ[ADDRESS]) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE])
        return found.fetchone() is not None


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415 - workers have set it up already
    from django.core.management import call_command  # noqa: PLC0415 - as above
    from django.db import connection  # noqa: PLC0415 - as above

    _say("CREATE DATABASE {}", _UNFINISHED)
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    connection.close()
    _say("ALTER DATABASE {} RENAME TO {}", _UNFINISHED, TEMPLATE)


def _say(words: str, *names: str) -> None:
    with psycopg.connect(os.environ[ADDRESS], autocommit=True) as connection:
        connection.execute(sql.SQL(words).format(*map(sql.Identifier, names)))


if __name__ == "__main__":
    main()
