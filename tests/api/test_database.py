"""The asynchronous pool: one for each loop, and a lost or busy server is said to be so."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from pytest_django import Settings

from api import database
from api.errors import DatabaseUnavailable


@pytest.fixture(autouse=True)
async def pool(transactional_db: None) -> AsyncIterator[None]:
    yield
    await database.close()


async def answer() -> int:
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT 42")).fetchone()
    assert row is not None
    return int(row[0])


async def test_it_points_where_django_points() -> None:
    assert await asyncio.gather(*(answer() for _ in range(50))) == [42] * 50


async def test_a_killed_connection_is_unavailable_and_the_next_call_works() -> None:
    with pytest.raises(DatabaseUnavailable) as lost:
        await _terminate_ourselves()
    assert lost.value.message == database.UNREACHABLE
    assert lost.value.retry_after == 2
    assert await answer() == 42


async def test_a_statement_that_takes_too_long_is_a_busy_database() -> None:
    with pytest.raises(DatabaseUnavailable) as busy:
        await _sleep_too_long()
    assert busy.value.message == database.BUSY
    assert await answer() == 42


async def test_a_mistake_in_a_statement_stays_a_mistake() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        await _ask_for_nothing()


async def test_a_full_pool_is_unavailable_within_the_wait(settings: Settings) -> None:
    settings.DATABASE_POOL_SIZE = 1
    settings.DATABASE_WAIT_SECONDS = 0.1
    async with database.connection():
        with pytest.raises(DatabaseUnavailable):
            await answer()


async def test_closing_waits_for_what_nobody_waits_for() -> None:
    done = []

    async def work() -> None:
        await answer()
        done.append(True)

    database.later(work())
    await database.close()
    assert done == [True]
    assert not database._tasks


async def _terminate_ourselves() -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def _sleep_too_long() -> None:
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = '20ms'")
        await connection.execute("SELECT pg_sleep(5)")


async def _ask_for_nothing() -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT * FROM no_such_table")
