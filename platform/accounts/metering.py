"""A caller's calls and tokens, taken from the minute of their key; what is refused is counted.

A refusal must stay cheap, so its count is kept in this process and written with others: one
statement some seconds after the first of them, with a row for each key and hour.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils import timezone

from accounts.models import Refusal
from api import database, rate_limits
from api.errors import DatabaseUnavailable, RateLimited
from api.rate_limits import Reservation

if TYPE_CHECKING:
    from accounts.authentication import Caller

EVERY: Final = 5.0
"""Seconds between two writes of a process."""
KEPT: Final = timedelta(days=400)


def take_request(caller: "Caller") -> Reservation:
    """Raises RateLimited with the true time to wait."""
    with _refusals_counted(caller):
        reservation = rate_limits.take_request(caller.meter_id, caller.limits)
    if _is_due():
        write_now()  # the rest of an earlier burst
    return reservation


async def atake_request(caller: "Caller") -> Reservation:
    """As `take_request`, in an event loop."""
    with _refusals_counted(caller):
        return await rate_limits.atake_request(caller.meter_id, caller.limits)


async def atake_tokens(caller: "Caller", amount: int) -> Reservation:
    """`amount` tokens ahead. Raises RateLimited with the true time to wait."""
    with _refusals_counted(caller):
        return await rate_limits.atake_tokens(caller.meter_id, caller.limits, amount)


def write_now() -> None:
    """Where there is no event loop to write on."""
    if refused := _taken():
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [refused])


async def write() -> None:
    """What an unreachable database does not take is lost: a count, no money."""
    if not (refused := _taken()):
        return
    try:
        async with database.connection() as pooled:
            await pooled.execute(_WRITE, [refused])
    except DatabaseUnavailable:
        return


def forget_old() -> int:
    """Drop sums older than a year; how many."""
    return Refusal.objects.filter(hour__lt=timezone.now() - KEPT).delete()[0]


def forget_all() -> None:
    """Start over in this process (a test's wish)."""
    _taken()


_lock = Lock()
_refused: Counter[tuple[str, str]] = Counter()  # by key and hour
_written_at = _timer_until = -EVERY


@contextmanager
def _refusals_counted(caller: "Caller") -> Iterator[None]:
    try:
        yield
    except RateLimited:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with _lock:
            _refused[caller.key_id, hour.isoformat()] += 1
        _see_to_it()
        raise


def _see_to_it() -> None:
    global _timer_until  # noqa: PLW0603 - a timer too many writes nothing twice
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a thread: it writes now, or the next call does
        if _is_due():
            write_now()
        return
    if (now := time.monotonic()) >= _timer_until:
        _timer_until = now + EVERY
        loop.call_later(EVERY, lambda: database.later(write()))


def _is_due() -> bool:
    return bool(_refused) and time.monotonic() - _written_at >= EVERY


def _taken() -> str:
    """What waits, as the rows of _WRITE; empty when nothing does."""
    global _written_at  # noqa: PLW0603 - guarded by _lock, as the counter is
    with _lock:
        rows = [{"key": key, "hour": hour, "calls": n} for (key, hour), n in _refused.items()]
        _refused.clear()
        _written_at = time.monotonic()
    return json.dumps(rows) if rows else ""


# In the order of keys, so that two processes never wait for each other.
_WRITE: Final = """
    INSERT INTO accounts_refusal AS known (organisation_id, key_id, hour, calls)
    SELECT key.organisation_id, key.id, told.hour, told.calls
      FROM jsonb_to_recordset(%s::jsonb) AS told(key text, hour timestamptz, calls bigint)
      JOIN accounts_apikey AS key ON key.id = told.key
     ORDER BY key.id, told.hour
        ON CONFLICT (key_id, hour) DO UPDATE SET calls = known.calls + excluded.calls
"""
