"""Settling charges what was delivered, once, and gives back the rest."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from api import database
from billing import ledger
from billing.models import Entry, Hold, Journal
from billing.pricing import NANO
from billing.pricing import Price as Rate
from tests.billing.conftest import ONE_CALL, Tenant, in_threads, new_tenant, set_price

pytestmark = pytest.mark.usefixtures("pool")
USAGE = ledger.Usage(prompt_tokens=100, cached_tokens=40, completion_tokens=7)
COST = 60 * 1_000 + 40 * 250 + 7 * 2_000


async def test_a_settle_charges_the_tokens_and_gives_back_the_rest(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    settled = await ledger.settle(hold.id, USAGE, "stop", 12, 34)
    assert settled == ledger.Settlement(COST, already_settled=False)
    assert await bakery.amoney() == (NANO - COST, 0)
    row = await Hold.objects.aget(pk=hold.id)
    assert (row.state, row.charged, row.finish_reason) == ("settled", COST, "stop")
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == (100, 40, 7)
    assert (row.first_token_ms, row.duration_ms) == (12, 34)


async def test_a_charge_stands_in_the_book_with_the_balance_after_it(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.hold(bakery.request())  # what is merely held does not move the balance
    await ledger.settle(hold.id, USAGE, "stop", 1, 2)
    journal = await Journal.objects.aget(kind="charge")
    assert (journal.hold_id, journal.ref) == (hold.id, hold.id)
    legs = {e.account.kind: e async for e in journal.entries.select_related("account")}
    assert {kind: entry.amount for kind, entry in legs.items()} == {
        "customer": -COST,
        "revenue": COST,
    }
    assert legs["customer"].balance_after == NANO - COST
    assert legs["revenue"].balance_after is None


async def test_a_settle_told_twice_charges_once(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.settle(hold.id, USAGE, "stop", 1, 2)
    again = await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    assert again == ledger.Settlement(COST, already_settled=True)
    assert await bakery.amoney() == (NANO - COST, 0)


@pytest.mark.parametrize(("model", "cost"), [("tiny", COST), ("free", 0)])
def test_twenty_parallel_settles_of_one_hold_are_one_charge(
    transactional_db: None, price: object, model: str, cost: int
) -> None:
    set_price("free", Rate(0, 0, 0))
    tenant = new_tenant("Twenty", NANO)
    request = tenant.request(model=model)
    in_threads(lambda _: ledger.hold(request), 1)
    answers = in_threads(lambda _: ledger.settle(request.id, USAGE, "stop", 1, 2), 20)
    settled = [answer for answer in answers if isinstance(answer, ledger.Settlement)]
    assert len(settled) == 20
    assert [s.already_settled for s in settled].count(False) == 1
    assert {s.charged_nano for s in settled} == {cost}
    assert tenant.money() == (NANO - cost, 0)


async def test_a_charge_never_passes_its_hold(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    settled = await ledger.settle(hold.id, ledger.Usage(100, 0, 5_000), "length", 1, 2)
    assert settled.charged_nano == hold.amount == ONE_CALL


async def test_a_normal_end_without_a_token_charges_the_prompt(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    settled = await ledger.settle(hold.id, ledger.Usage(100, 0, 0), "stop", None, 2)
    assert settled.charged_nano == 100 * 1_000


async def test_a_void_gives_everything_back(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    assert await ledger.void(hold.id, "error") == ledger.Settlement(0, already_settled=False)
    assert await bakery.amoney() == (NANO, 0)
    assert not await Journal.objects.filter(kind="charge").aexists()


async def test_what_is_void_or_settled_stays_so(bakery: Tenant) -> None:
    voided = await ledger.hold(bakery.request())
    settled = await ledger.hold(bakery.request())
    await ledger.void(voided.id, "error")
    await ledger.settle(settled.id, USAGE, "stop", 1, 2)
    assert (await ledger.settle(voided.id, USAGE, "stop", 1, 2)).already_settled
    assert (await ledger.void(settled.id, "error")).charged_nano == COST
    assert await bakery.amoney() == (NANO - COST, 0)


async def test_each_settlement_of_a_batch_has_its_own_answer(bakery: Tenant) -> None:
    other = await sync_to_async(new_tenant)("Other", NANO)
    payers = [bakery, other, bakery]
    one, two, three = await asyncio.gather(*(ledger.hold(payer.request()) for payer in payers))
    await ledger.void(three.id, "error")
    ids = [three.id, two.id, one.id, "gen_" + "0" * 32, one.id, two.id]
    answers = await asyncio.gather(*(ledger.settle(id_, USAGE, "stop", 1, 2) for id_ in ids))
    told = [(answer.charged_nano, answer.already_settled) for answer in answers]
    assert told == [
        (0, True), (COST, False), (COST, False), (0, False), (COST, True), (COST, True)
    ]  # fmt: skip
    assert await bakery.amoney() == await other.amoney() == (NANO - COST, 0)


async def test_a_hold_that_the_database_lost_is_charged_nothing(bakery: Tenant) -> None:
    settled = await ledger.settle("gen_" + "0" * 32, USAGE, "stop", 1, 2)
    assert settled == ledger.Settlement(0, already_settled=False)
    assert await bakery.amoney() == (NANO, 0)


async def test_a_settle_takes_part_in_the_transaction_of_its_caller(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())

    async def settle_and_fail() -> None:
        async with database.connection() as connection, connection.transaction():
            await ledger.settle(hold.id, USAGE, "stop", 1, 2, connection=connection)
            raise LookupError

    with pytest.raises(LookupError):
        await settle_and_fail()
    assert await bakery.amoney() == (NANO - ONE_CALL, ONE_CALL)
    assert not await Entry.objects.filter(journal__kind="charge").aexists()


async def test_running_balances_follow_the_order_of_the_entries(bakery: Tenant) -> None:
    holds = await asyncio.gather(*(ledger.hold(bakery.request()) for _ in range(40)))
    await asyncio.gather(*(ledger.settle(h.id, USAGE, "stop", 1, 2) for h in holds))
    balance = 0
    async for entry in Entry.objects.filter(account__kind="customer").order_by("id"):
        balance += entry.amount
        assert entry.balance_after == balance
    assert balance == NANO - 40 * COST
