"""A hold reserves the worst case of a call, lowers it before it refuses, and never oversells."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from api import database, ids
from api.errors import DatabaseUnavailable, InsufficientBalance, ModelUnavailable
from billing import ledger, topping_up
from billing.models import Hold
from billing.pricing import NANO
from billing.pricing import Price as Rate
from tests.billing.conftest import ONE_CALL, RATE, Tenant, in_threads, new_tenant, set_price

pytestmark = pytest.mark.usefixtures("pool")


async def test_a_hold_moves_the_worst_case_from_available_to_held(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request(choices=3))
    assert hold.amount == 100 * 1_000 + 3 * 50 * 2_000
    assert (hold.max_output, hold.lowered, hold.price) == (50, False, RATE)
    assert await bakery.amoney() == (NANO - hold.amount, hold.amount)


async def test_a_hold_asked_for_twice_is_one_hold(bakery: Tenant) -> None:
    request = bakery.request()
    assert await ledger.hold(request) == await ledger.hold(request)
    assert await bakery.amoney() == (NANO - ONE_CALL, ONE_CALL)


async def test_a_hold_is_refused_when_the_balance_cannot_cover_it(bakery: Tenant) -> None:
    with pytest.raises(InsufficientBalance, match=r"\$1\.00 of the balance can be spent"):
        await ledger.hold(bakery.request(prompt_tokens=1_000_000))
    assert await bakery.amoney() == (NANO, 0)
    assert not await Hold.objects.aexists()


async def test_the_balance_lowers_the_output_before_it_refuses(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request(max_output=10**6, choices=2))
    paid_for = (NANO - 100 * 1_000) // (2 * 2_000)
    assert (hold.max_output, hold.lowered) == (paid_for, True)
    assert hold.amount <= NANO
    assert (await bakery.amoney())[0] < 2 * 2_000


@pytest.mark.parametrize(("paid_for", "is_lowered"), [(16, True), (15, False)])
async def test_fewer_than_sixteen_tokens_are_refused(
    transactional_db: None, price: object, paid_for: int, *, is_lowered: bool
) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 100_000 + paid_for * 2_000)
    if is_lowered:
        assert (await ledger.hold(poor.request())).max_output == 16
    else:
        with pytest.raises(InsufficientBalance):
            await ledger.hold(poor.request())


async def test_a_call_that_wants_no_output_is_refused_when_its_prompt_is_not_paid_for(
    transactional_db: None, price: object
) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 100_000 - 1)
    with pytest.raises(InsufficientBalance):
        await ledger.hold(poor.request(minimum_output=0))
    assert await poor.amoney() == (99_999, 0)


async def test_a_short_call_is_held_whole_or_refused(transactional_db: None, price: object) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 100_000 + 5 * 2_000)
    assert (await ledger.hold(poor.request(max_output=5))).max_output == 5
    with pytest.raises(InsufficientBalance):
        await ledger.hold(poor.request(max_output=5))


async def test_a_free_model_needs_no_balance(transactional_db: None) -> None:
    await sync_to_async(set_price)("free", Rate(0, 0, 0))
    broke = await sync_to_async(new_tenant)("Broke", 0)
    hold = await ledger.hold(broke.request(model="free"))
    assert (hold.amount, hold.max_output) == (0, 50)
    settled = await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    assert settled == ledger.Settlement(0, already_settled=False)


async def test_a_prompt_that_is_not_paid_for_is_refused_though_output_is_free(
    transactional_db: None,
) -> None:
    await sync_to_async(set_price)("flat", Rate(5_000, 5_000, 0))
    broke = await sync_to_async(new_tenant)("Broke", 0)
    with pytest.raises(InsufficientBalance):
        await ledger.hold(broke.request(model="flat"))


async def test_a_model_without_a_price_is_unavailable(bakery: Tenant) -> None:
    with pytest.raises(ModelUnavailable):
        await ledger.hold(bakery.request(model="unpriced"))


async def test_one_spoilt_request_does_not_spoil_its_batch(bakery: Tenant) -> None:
    stranger = bakery.request(key_id="key_of_nobody")
    answers = await asyncio.gather(
        *(ledger.hold(r) for r in (bakery.request(), bakery.request(), stranger, bakery.request())),
        return_exceptions=True,
    )
    assert [isinstance(answer, ledger.Hold) for answer in answers] == [True, True, False, True]
    assert await bakery.amoney() == (NANO - 3 * ONE_CALL, 3 * ONE_CALL)


async def test_a_locked_account_holds_up_no_other(
    bakery: Tenant, mill: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = connection.settings_dict["OPTIONS"]
    hasty = {**patient, "options": "-c statement_timeout=300"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", hasty)
    async with database.connection() as locker, locker.transaction():
        await locker.execute(
            "SELECT 1 FROM billing_account WHERE organisation_id = %s FOR UPDATE",
            [bakery.organisation.id],
        )
        locked, free = await asyncio.gather(
            *(ledger.hold(tenant.request()) for tenant in (bakery, mill)), return_exceptions=True
        )
    assert isinstance(locked, DatabaseUnavailable)
    assert isinstance(free, ledger.Hold)
    assert (await ledger.hold(bakery.request())).amount == ONE_CALL


async def test_who_leaves_while_the_money_is_on_its_way_holds_nothing(bakery: Tenant) -> None:
    asked = [asyncio.create_task(ledger.hold(bakery.request())) for _ in range(40)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    assert all(isinstance(x, asyncio.CancelledError)
               for x in await asyncio.gather(*asked, return_exceptions=True))  # fmt: skip
    await ledger.drain()
    assert await bakery.amoney() == (NANO, 0)
    assert {hold.state async for hold in Hold.objects.all()} == {"voided"}


def test_two_hundred_parallel_holds_with_money_for_ten_admit_exactly_ten(
    transactional_db: None, price: object
) -> None:
    tenant = new_tenant("Ten calls", 10 * ONE_CALL)
    answers = in_threads(lambda _: ledger.hold(tenant.request()), 200)
    admitted = [answer for answer in answers if isinstance(answer, ledger.Hold)]
    refused = [answer for answer in answers if isinstance(answer, InsufficientBalance)]
    assert (len(admitted), len(refused)) == (10, 190)
    assert tenant.money() == (0, 10 * ONE_CALL)


def test_parallel_organisations_do_not_deadlock(transactional_db: None, price: object) -> None:
    tenants = [new_tenant(f"Shop {n}", NANO) for n in range(4)]

    async def call(number: int) -> ledger.Settlement:
        request = tenants[number // 4 % 4].request(budget_nano=NANO, budget_period="day")
        await ledger.hold(request)
        return await ledger.settle(request.id, ledger.Usage(100, 0, 1), "stop", 1, 2)

    answers = in_threads(call, 400, threads=8)
    assert [a for a in answers if not isinstance(a, ledger.Settlement)] == []
    for tenant in tenants:
        assert tenant.money() == (NANO - 100 * 102_000, 0)


async def test_an_organisation_without_an_account_gets_one_by_its_first_call(
    transactional_db: None, price: object
) -> None:
    tenant = await sync_to_async(new_tenant)("New", 0)
    with pytest.raises(InsufficientBalance):
        await ledger.hold(tenant.request())
    await sync_to_async(topping_up.top_up)(tenant.organisation, NANO, ids.new("ref"))
    assert (await ledger.hold(tenant.request())).amount == ONE_CALL
