"""The asynchronous road to Postgres where milliseconds count: one psycopg pool per event loop, and
lines of their own for the few statements that every call makes."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.errors import DatabaseUnavailable
from api.lines import Line, Rows

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

_pools: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pool]" = weakref.WeakKeyDictionary()
_lines: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[Line]]" = (
    weakref.WeakKeyDictionary()
)

UNREACHABLE = "The database cannot be reached. Try again in a moment."
BUSY = "The database is too busy. Try again in a moment."
FULL = "The database has no room left. Its administrator has to free some."
_RECONNECT_SECONDS: Final = 0.1


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """A pooled connection in autocommit mode; `async with connection.transaction()` where needed.

    Raises DatabaseUnavailable when none can be had within `DATABASE_WAIT_SECONDS`, when the server
    goes away while it is used, or when it takes too long.
    """
    pool = await _pool()
    with _unavailable_is_said():
        async with pool.connection() as borrowed:
            yield borrowed


class Statement:
    """What every call asks, by its text, in which `$1` is what changes.

    Whoever asks has a line of their own for so long; lines are kept, so there are as many as have
    ever asked at once (api.batching bounds them). All statements share them, and the line that was
    used last comes first: its process of the server has at hand what it needs.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    async def ask(self, parameter: str) -> Rows:
        """Raises as `connection` does."""
        free = _lines.setdefault(asyncio.get_running_loop(), [])
        with _unavailable_is_said():
            line = _known(free) or await _new_line()
            try:
                return await line.ask(self._text, parameter)
            finally:
                free.append(line)


def _known(free: list[Line]) -> Line | None:
    while free:
        if (line := free.pop()).is_open:
            return line
    return None


async def _new_line() -> Line:
    """A server that is just being started again is waited for."""
    end = time.monotonic() + settings.DATABASE_WAIT_SECONDS
    while True:
        try:
            async with asyncio.timeout(end - time.monotonic()):
                return await Line.to(_parameters())
        except TimeoutError as error:
            raise PoolTimeout(UNREACHABLE) from error
        except psycopg.OperationalError:
            if time.monotonic() + _RECONNECT_SECONDS > end:
                raise
        await asyncio.sleep(_RECONNECT_SECONDS)


@contextmanager
def _unavailable_is_said() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        said = unavailable(error)
        pool = _pools.get(asyncio.get_running_loop())
        if said.message == UNREACHABLE and pool is not None and not isinstance(error, PoolTimeout):
            # The server went away: drop the pool's other dead connections now, not one by one.
            later(pool.check())
        raise said from error


def unavailable(error: BaseException | None) -> DatabaseUnavailable:
    """What callers are told of an error of psycopg's. After a statement timeout, a lock not had in
    time, a deadlock or a full disk the connection lives on."""
    state = getattr(error, "sqlstate", None) or ""
    if state == "53100":
        return DatabaseUnavailable(FULL, retry_after=30)
    if state.startswith(("57014", "55P03", "40")):
        return DatabaseUnavailable(BUSY, retry_after=1)
    return DatabaseUnavailable(UNREACHABLE, retry_after=2)


def figures() -> Mapping[str, int]:
    """What psycopg says of this event loop's pool: its size, who waits for it."""
    pool = _pools.get(asyncio.get_running_loop())
    return pool.get_stats() if pool else {}


def later(work: Coroutine[None, None, None]) -> None:
    """Do small writes that nobody waits for; `close` waits for them."""
    _tasks.add(task := asyncio.ensure_future(work))
    task.add_done_callback(_tasks.discard)


async def close() -> None:
    """Finish what `later` began and close this event loop's connections (a server's last act)."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(task for task in _tasks if task.get_loop() is loop), return_exceptions=True
    )
    for line in _lines.pop(loop, ()):
        line.close()
    pool = _pools.pop(loop, None)
    if pool is not None:
        await pool.close()


_tasks: set["asyncio.Future[None]"] = set()


async def _pool() -> Pool:
    loop = asyncio.get_running_loop()
    pool = _pools.get(loop)
    if pool is None:
        pool = _pools[loop] = AsyncConnectionPool(
            kwargs={**_parameters(), "autocommit": True},
            min_size=1,
            max_size=settings.DATABASE_POOL_SIZE,
            timeout=settings.DATABASE_WAIT_SECONDS,
            reconnect_timeout=5,
            open=False,
        )
        await pool.open()
    return pool


def _parameters() -> dict[str, object]:
    """Where Django's own connection points (the test database under test), without its extras."""
    known = django_connection.get_connection_params()
    wanted = ("dbname", "host", "port", "user", "password", "options", "sslmode")
    return {name: known[name] for name in wanted if known.get(name)}
