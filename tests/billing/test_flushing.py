"""A charge is on the disk before anybody is told of it, and reads no more than its own rows."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from accounts import keys
from accounts.authentication import Proof
from api import database
from billing import ledger
from billing.models import Hold
from tests.billing.conftest import Tenant

pytestmark = pytest.mark.usefixtures("pool")
USAGE = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=7)
WATCH = """
CREATE TABLE written (up_to pg_lsn);
CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO written VALUES (pg_current_wal_insert_lsn());
  RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER INSERT ON billing_entry
  FOR EACH STATEMENT EXECUTE FUNCTION note_written();
"""
UNWATCH = "DROP TRIGGER watch ON billing_entry; DROP FUNCTION note_written; DROP TABLE written"


@sync_to_async
def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch, bakery: Tenant) -> AsyncIterator[None]:
    """Commits wait for the disk, as outside of tests; how far the book came is noted."""
    waiting = {**connection.settings_dict["OPTIONS"], "options": "-c synchronous_commit=on"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", waiting)
    await execute(WATCH)
    yield
    await ledger.drain()
    await execute(UNWATCH)


async def test_a_settlement_is_on_the_disk_when_it_is_told(watched: None, bakery: Tenant) -> None:
    behind = []
    for _ in range(5):
        hold = await ledger.hold(bakery.request())
        await ledger.settle(hold.id, USAGE, "stop", 1, 2)
        async with database.connection() as reader:
            row = await (
                await reader.execute("SELECT pg_current_wal_flush_lsn() >= max(up_to) FROM written")
            ).fetchone()
        behind.append(row is None or not row[0])
    assert behind == [False] * 5


async def test_a_call_reads_its_own_rows_however_many_there_are(bakery: Tenant) -> None:
    async with database.connection() as one:
        await rows_read(one, bakery)  # its plans are made while there is nothing to read
        holds = await asyncio.gather(*(ledger.hold(bakery.request()) for _ in range(300)))
        await asyncio.gather(*(ledger.settle(h.id, USAGE, "stop", 1, 2) for h in holds[:150]))
        assert await rows_read(one, bakery) < 40
        await one.execute("ANALYZE billing_hold, billing_journal, billing_entry")  # plans are new
        assert await rows_read(one, bakery) < 40
    assert await Hold.objects.acount() == 303


async def test_a_hold_reads_its_own_key_however_many_there_are(bakery: Tenant) -> None:
    async with database.connection() as one:
        await rows_read(one, bakery, "accounts_apikey")
        for number in range(300):
            await sync_to_async(keys.issue)(bakery.organisation.id, name=f"{number}", scopes=[])
        await one.execute("ANALYZE accounts_apikey")  # as Postgres does after some fifty
        assert await rows_read(one, bakery, "accounts_apikey") < 40


async def rows_read(
    one: database.Connection,
    tenant: Tenant,
    *tables: str,
) -> int:
    """Rows of these tables, or of holds and entries, that one call's hold, renewal and settlement
    look at."""
    tables = tables or ("billing_hold", "billing_journal", "billing_entry")
    row = await (
        await one.execute(
            "SELECT stamp FROM accounts_good_keys() k WHERE digest = %s", [tenant.key.digest]
        )
    ).fetchone()
    assert row is not None
    request = tenant.request(proof=Proof(tenant.key.digest, row[0]))
    checkpoint = {"id": request.id, "prompt": 100, "cached": 0, "completion": 1}
    async with one.transaction():
        await one.execute("SELECT * FROM ledger_hold(%s)", [json.dumps([request.as_row()])])
        await one.execute("SELECT ledger_renew(%s)", [json.dumps([checkpoint])])
        await ledger.settle(request.id, USAGE, "stop", 1, 2, connection=one)
        cursor = await one.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
            " WHERE relname = ANY(%s)",
            [list(tables)],
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
