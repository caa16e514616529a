"""The asynchronous pool: one for each loop, and a lost or busy server is said to be so."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from django.db import connection as django_connection
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


async def test_a_statement_has_a_line_for_each_who_asks_at_once_and_keeps_them() -> None:
    first = await asyncio.gather(*(process(0.05) for _ in range(3)))
    assert len(set(first)) == 3
    assert {await process() for _ in range(5)} <= set(first)


async def test_a_statement_larger_than_the_socket_takes_at_once_goes_through() -> None:
    assert await LENGTH.ask("x" * 5_000_000) == [(5_000_000,)]


async def test_a_line_that_is_cut_while_asked_is_unavailable_and_the_next_call_works() -> None:
    with pytest.raises(DatabaseUnavailable) as lost:
        await CUT.ask("")
    assert lost.value.message == database.UNREACHABLE
    assert await process()


async def test_a_line_that_was_cut_while_nobody_asked_is_not_asked_again() -> None:
    cut = await process()
    async with database.connection() as connection:
        await connection.execute("SELECT pg_terminate_backend(%s, 1000)", [cut])
    await asyncio.sleep(0.01)
    assert await process() != cut


async def test_a_line_whose_statement_took_too_long_is_a_busy_database_and_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {**django_connection.settings_dict["OPTIONS"], "options": "-c statement_timeout=50"}
    with monkeypatch.context() as hurried:  # the line alone
        hurried.setitem(django_connection.settings_dict, "OPTIONS", options)
        line = await process()
    with pytest.raises(DatabaseUnavailable) as busy:
        await process(5)
    assert busy.value.message == database.BUSY
    assert await process() == line


async def test_who_leaves_a_line_leaves_no_answer_to_the_next() -> None:
    leaving = asyncio.create_task(process(5))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert await LENGTH.ask("four") == [(4,)]
    assert await process()


async def test_a_mistake_in_a_line_stays_a_mistake() -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        await PROCESS.ask("no number")


async def test_no_server_is_unavailable_within_the_wait(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_WAIT_SECONDS = 0.2
    with monkeypatch.context() as nowhere:
        nowhere.setitem(django_connection.settings_dict, "HOST", "/nowhere")
        with pytest.raises(DatabaseUnavailable) as lost:
            await process()
    assert lost.value.message == database.UNREACHABLE


PROCESS = database.Statement("SELECT pg_backend_pid() FROM pg_sleep($1)")
LENGTH = database.Statement("SELECT length($1::text)")
CUT = database.Statement("SELECT pg_terminate_backend(pg_backend_pid()), $1::text")


async def process(seconds: float = 0) -> int:
    """Which of the server's processes has answered."""
    [[number]] = await PROCESS.ask(str(seconds))
    return int(number)


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
