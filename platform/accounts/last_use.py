"""When a key was last used, from where and by what: written at most once a minute, never while a
caller waits for it."""

import time
from threading import Lock
from typing import Final

from django.db import connection

from api import database
from api.errors import DatabaseUnavailable

LONGEST: Final = 200
EVERY: Final = 60.0
"""Seconds."""

_WRITE: Final = """
    UPDATE accounts_apikey SET last_used_at = now(), last_used_from = %s, last_used_by = %s
     WHERE id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""
_MANY: Final = 10_000
_lock = Lock()
_noted: dict[str, float] = {}


def is_due(key_id: str) -> bool:
    """True once a minute for each key in this process: the caller then writes."""
    now = time.monotonic()
    with _lock:
        if now - _noted.get(key_id, -EVERY) < EVERY:
            return False
        if len(_noted) >= _MANY:  # forgetting costs one needless statement each, no more
            _noted.clear()
        _noted[key_id] = now
        return True


async def write(key_id: str, address: str | None, program: str | None) -> None:
    """For `database.later`; an unreachable database loses a minute's mark and nothing else."""
    try:
        async with database.connection() as pooled:
            await pooled.execute(_WRITE, _row(key_id, address, program))
    except DatabaseUnavailable:
        forget(key_id)


def write_now(key_id: str, address: str | None, program: str | None) -> None:
    """Where there is no event loop to write on: one indexed update a minute."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, _row(key_id, address, program))


def _row(key_id: str, address: str | None, program: str | None) -> tuple[str, str, str]:
    """`program` is what the caller says of itself: cut, and without what cannot be shown."""
    said = "".join(letter for letter in (program or "") if letter.isprintable())
    return (address or "")[:45], said[:LONGEST], key_id


def forget(key_id: str) -> None:
    with _lock:
        _noted.pop(key_id, None)


def forget_all() -> None:
    """Start over (a test's wish)."""
    with _lock:
        _noted.clear()
