"""A key's budget: spent and held stay within its limit, in half-open UTC periods."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from accounts import keys
from api.errors import InsufficientBalance, KeyBudgetExceeded
from billing import ledger
from billing.models import BudgetWindow, Hold
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant, in_threads, new_tenant

pytestmark = pytest.mark.usefixtures("pool")
HALF = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=0)  # 100,000 n$


def limited(tenant: Tenant, limit: int, period: str = "day", **changes: Any) -> ledger.HoldRequest:
    return tenant.request(budget_nano=limit, budget_period=period, **changes)


async def window() -> tuple[int, int]:
    row = await BudgetWindow.objects.aget()
    return row.spent, row.held


async def test_a_hold_counts_against_the_budget_and_a_settle_against_what_is_spent(
    bakery: Tenant,
) -> None:
    hold = await ledger.hold(limited(bakery, 10 * ONE_CALL))
    assert await window() == (0, ONE_CALL)
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    assert await window() == (100_000, 0)


async def test_a_call_beyond_the_budget_is_refused(bakery: Tenant) -> None:
    await ledger.hold(limited(bakery, ONE_CALL))
    with pytest.raises(KeyBudgetExceeded, match=r"budget \(day\) has \$0\.00 left"):
        await ledger.hold(limited(bakery, ONE_CALL))
    assert await bakery.amoney() == (NANO - ONE_CALL, ONE_CALL)


async def test_the_budget_lowers_the_output_before_it_refuses(bakery: Tenant) -> None:
    hold = await ledger.hold(limited(bakery, 100_000 + 20 * 2_000))
    assert (hold.max_output, hold.lowered) == (20, True)


async def test_the_scarcer_of_budget_and_balance_is_named(
    transactional_db: None, price: object
) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 10)
    with pytest.raises(InsufficientBalance):
        await ledger.hold(limited(poor, ONE_CALL))


async def test_a_void_gives_back_to_the_budget_too(bakery: Tenant) -> None:
    hold = await ledger.hold(limited(bakery, ONE_CALL))
    await ledger.void(hold.id, "error")
    assert await window() == (0, 0)
    await ledger.hold(limited(bakery, ONE_CALL))


async def test_a_lowered_limit_bites_at_once(bakery: Tenant) -> None:
    await ledger.hold(limited(bakery, 10 * ONE_CALL))
    with pytest.raises(KeyBudgetExceeded):
        await ledger.hold(limited(bakery, 1))


async def test_free_calls_pass_a_spent_budget(bakery: Tenant) -> None:
    await ledger.hold(limited(bakery, ONE_CALL))
    free = await ledger.hold(limited(bakery, ONE_CALL, prompt_tokens=0, max_output=0))
    assert free.amount == 0


async def test_a_budget_set_in_mid_period_counts_what_the_period_has_cost(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    await ledger.hold(limited(bakery, 10 * ONE_CALL, "month"))
    assert await window() == (100_000, ONE_CALL)


def test_parallel_calls_never_pass_the_budget(transactional_db: None, price: object) -> None:
    tenant = new_tenant("Budget", NANO)
    in_threads(lambda _: ledger.hold(limited(tenant, 8 * ONE_CALL)), 1)  # the window exists
    answers = in_threads(lambda _: ledger.hold(limited(tenant, 8 * ONE_CALL)), 100)
    assert sum(isinstance(answer, ledger.Hold) for answer in answers) == 7
    assert sum(isinstance(answer, KeyBudgetExceeded) for answer in answers) == 93
    window = BudgetWindow.objects.get()
    assert (window.spent, window.held) == (0, 8 * ONE_CALL)


@pytest.mark.parametrize("period", ["day", "month"])
async def test_a_new_period_starts_a_new_budget(bakery: Tenant, period: str) -> None:
    await spend_whole_budget(bakery, period)
    await forty_days_pass(windows=True)
    assert (await ledger.hold(limited(bakery, ONE_CALL, period))).amount == ONE_CALL


async def test_a_total_budget_has_no_next_period(bakery: Tenant) -> None:
    await spend_whole_budget(bakery, "total")
    await forty_days_pass(windows=False)
    with pytest.raises(KeyBudgetExceeded):
        await ledger.hold(limited(bakery, ONE_CALL, "total"))


async def spend_whole_budget(tenant: Tenant, period: str) -> None:
    hold = await ledger.hold(limited(tenant, ONE_CALL, period))
    await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    with pytest.raises(KeyBudgetExceeded):
        await ledger.hold(limited(tenant, ONE_CALL, period))


@sync_to_async
def forty_days_pass(*, windows: bool) -> None:
    """Play it by moving what happened forty days back."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_hold SET closed_at = closed_at - interval '40 days'")
        if windows:
            cursor.execute(
                "UPDATE billing_budgetwindow SET starts_at = starts_at - interval '40 days'"
            )


async def test_periods_begin_at_midnight_utc(bakery: Tenant) -> None:
    for period in ("day", "month"):
        await ledger.hold(limited(bakery, 2 * ONE_CALL, period))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {row.period: row.starts_at async for row in BudgetWindow.objects.all()}
    assert starts == {"day": today, "month": today.replace(day=1)}


async def test_budgets_and_balance_in_one_batch_are_decided_one_by_one(bakery: Tenant) -> None:
    answers = await asyncio.gather(
        *(ledger.hold(limited(bakery, 3 * ONE_CALL)) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(answer, ledger.Hold) for answer in answers) == 3
    assert await Hold.objects.acount() == 3


async def test_a_rotated_key_goes_on_with_its_predecessors_budget(bakery: Tenant) -> None:
    spent = await ledger.hold(bakery.request())
    await ledger.settle(spent.id, HALF, "stop", 1, 2)
    successor, _ = await sync_to_async(keys.issue)(
        bakery.organisation.id, name="Next", scopes=["inference"], origin_id=bakery.key.id
    )
    with pytest.raises(KeyBudgetExceeded):
        await ledger.hold(
            limited(
                bakery,
                ONE_CALL,
                "month",
                key_id=successor.id,
                meter_id=bakery.key.id,
                minimum_output=50,
            )
        )
    assert await window() == (100_000, 0)
    assert (await Hold.objects.aget()).key_id == bakery.key.id
