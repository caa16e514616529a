"""Without Redis one web process a database: a second would break the limits in its memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection

from config.children import CannotStart

WAIT_SECONDS = 5
_LOCK = 0x5EA27E12  # any number: the name of our advisory lock
_REFUSED = (
    "Rate limits live in the memory of one web process, so a second one would let every key exceed "
    "its limits; with REDIS_URL they are shared"
)


@contextmanager
def only_web_process() -> Iterator[None]:
    """Hold the database's lock of the web process. Raises CannotStart when another holds it.

    It lives as long as the connection, so a killed process leaves none behind.
    """
    if settings.WEB_PROCESSES > 1:
        raise CannotStart(
            "One command is one web process: set WEB_CONCURRENCY to 1, and start `serve` as often "
            "as you want processes, all with the same REDIS_URL."
        )
    if settings.REDIS_URL:  # limits, events and news are there: any number may come
        yield
        return
    with _connected() as holder:
        try:
            # A predecessor that was told to stop may need a moment.
            holder.execute(f"SET statement_timeout = 0; SET lock_timeout = '{WAIT_SECONDS}s'")
            holder.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        except psycopg.errors.LockNotAvailable as error:
            raise CannotStart(f"{_REFUSED}: stop the one that runs on this database.") from error
        yield


def _connected() -> "psycopg.Connection[tuple[object, ...]]":
    parameters = connection.get_connection_params()
    try:
        return psycopg.connect(**parameters, autocommit=True)
    except psycopg.OperationalError as error:
        raise CannotStart(f"The database does not answer: {str(error).strip()}") from error
