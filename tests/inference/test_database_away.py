"""The database goes away while tokens flow: streams end well, the charge comes later."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from api import database
from api.errors import DatabaseUnavailable
from billing import ledger
from inference import runs
from inference.runs import checkpoints, insisting
from tests.inference.asgi import Tenant, until
from tests.inference.conftest import balance, cost, only_hold
from tests.patience import PATIENCE

Away = Callable[..., list[str]]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    """`away("settle", times=3)`: so many calls of that ledger function find no database."""

    def switch_off(
        name: str, times: int, error: type[Exception] = DatabaseUnavailable
    ) -> list[str]:
        real = getattr(ledger, name)
        refused: list[str] = []

        async def answer(*arguments: object, **options: object) -> object:
            if len(refused) < times:
                refused.append(name)
                raise error("The database cannot be reached.")
            return await real(*arguments, **options)

        monkeypatch.setattr(ledger, name, answer)
        return refused

    monkeypatch.setattr(insisting, "FIRST_RETRY", 0.05)
    return switch_off


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_ends_well_and_is_settled_when_the_database_is_back(
    ada: Tenant, away: Away, stream: bool
) -> None:
    refused = away("settle", times=3)
    call = await ada.ask("one two", stream=stream)
    assert call.status == 200
    assert len(refused) < 3, "the client waited for the database"
    assert runs.open_runs() == 1
    if stream:
        assert call.events[-1]["choices"][0]["finish_reason"] == "stop"
    else:
        assert call.json["usage"]["cost"] == "0.000006"
    hold = await only_hold()
    assert (hold.state, hold.charged) == ("settled", cost(2, 2))


async def test_the_stored_answer_is_settled_later_too(ada: Tenant, away: Away) -> None:
    away("settle", times=2)
    key = {"idempotency-key": "k"}
    first = await ada.ask("one two", headers=key)
    assert (await only_hold()).state == "settled"
    again = await ada.ask("one two", headers=key)
    assert again.raw == first.raw
    assert "idempotent-replayed" in again.answer_headers


async def test_a_database_that_is_too_busy_is_asked_again(ada: Tenant, away: Away) -> None:
    away("settle", times=2, error=psycopg.errors.QueryCanceled)
    assert (await ada.ask("one two")).status == 200
    assert (await only_hold()).state == "settled"
    away("hold", times=1, error=psycopg.errors.LockNotAvailable)
    assert (await ada.ask("one two")).error["code"] == "server_overloaded"


async def test_a_failed_run_is_voided_later(ada: Tenant, away: Away) -> None:
    away("void", times=2)
    call = await ada.ask("#words=3 #fail=0")
    assert call.status == 503
    assert (await only_hold()).state == "voided"
    assert await balance(ada) == (10**9, 0)


async def test_a_hold_that_cannot_be_made_is_a_503_with_retry_after(
    ada: Tenant, away: Away
) -> None:
    away("hold", times=1)
    call = await ada.ask("one two")
    assert (call.status, call.error["code"]) == (503, "database_unavailable")
    assert "retry-after" in call.answer_headers
    assert call.answer_headers["x-ratelimit-remaining-tokens"] == "100000000"


async def test_streams_go_on_when_their_leases_cannot_be_renewed(
    ada: Tenant,
    away: Away,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.02)
    refused = away("renew", times=3)
    call = ada.call("#words=200 #pace=5", stream=True, max_tokens=200)
    await until(lambda: len(refused) == 3)
    async with asyncio.timeout(PATIENCE):
        while not await tokens_in_the_books():  # noqa: ASYNC110 - a table wakes nobody
            await asyncio.sleep(0.01)
    assert caplog.messages.count("leases_not_renewed") == 3
    assert not call.task.done()
    await call.finished()
    assert (await only_hold()).completion_tokens == 200


async def tokens_in_the_books() -> int:
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT sum(completion_tokens) FROM billing_hold")
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
