"""A chatbot's budget: what its day and month cost stays within them, to the nano-dollar."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from api import database
from api.errors import BudgetExhausted, InsufficientBalance
from billing import auditing, ledger
from billing.models import ChatbotWindow
from billing.pricing import NANO
from billing.pricing import Price as Rate
from tests.billing.conftest import ONE_CALL, Tenant, in_threads, new_tenant, set_price

pytestmark = pytest.mark.usefixtures("pool")
HALF = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=0)  # 100,000 n$
BOT = "bot_1"


def prompt(tenant: Tenant, day: int | None = None, month: int | None = None) -> ledger.HoldRequest:
    return tenant.request(chatbot_id=BOT, chatbot_day_nano=day, chatbot_month_nano=month)


async def window(period: str = "day") -> tuple[int, int]:
    row = await ChatbotWindow.objects.aget(period=period)
    return row.spent, row.held


async def test_a_prompt_counts_for_the_day_and_the_month_also_without_a_budget(
    bakery: Tenant,
) -> None:
    hold = await ledger.hold(prompt(bakery))
    assert await window("day") == await window("month") == (0, ONE_CALL)
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    assert await window("day") == await window("month") == (100_000, 0)


@pytest.mark.parametrize("budget", [{"day": ONE_CALL}, {"month": ONE_CALL}], ids=str)
async def test_a_prompt_beyond_a_budget_is_refused(bakery: Tenant, budget: dict[str, int]) -> None:
    await ledger.hold(prompt(bakery, **budget))
    with pytest.raises(BudgetExhausted, match=r"budget has \$0\.00 left"):
        await ledger.hold(prompt(bakery, **budget))
    assert await bakery.amoney() == (NANO - ONE_CALL, ONE_CALL)


async def test_the_budget_lowers_the_output_before_it_refuses(bakery: Tenant) -> None:
    hold = await ledger.hold(prompt(bakery, day=100_000 + 20 * 2_000, month=ONE_CALL))
    assert (hold.max_output, hold.lowered) == (20, True)


async def test_the_scarcer_of_budget_and_balance_is_named(
    transactional_db: None, price: object
) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 10)
    with pytest.raises(InsufficientBalance):
        await ledger.hold(prompt(poor, day=ONE_CALL))


async def test_a_void_gives_back_to_the_budget_too(bakery: Tenant) -> None:
    hold = await ledger.hold(prompt(bakery, day=ONE_CALL))
    await ledger.void(hold.id, "error")
    assert await window() == (0, 0)


async def test_other_chatbots_and_calls_without_one_leave_the_budget_alone(bakery: Tenant) -> None:
    await ledger.hold(bakery.request())
    await ledger.hold(bakery.request(chatbot_id="bot_2"))
    await ledger.hold(prompt(bakery, day=ONE_CALL))


async def test_a_budget_set_in_mid_period_knows_what_the_period_has_cost(bakery: Tenant) -> None:
    hold = await ledger.hold(prompt(bakery))
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    with pytest.raises(BudgetExhausted):
        await ledger.hold(prompt(bakery, day=100_000))


async def test_a_prompt_that_ends_in_the_next_period_is_counted_where_it_began(
    bakery: Tenant,
) -> None:
    hold = await ledger.hold(prompt(bakery))
    await sync_to_async(_yesterday)()
    await ledger.hold(prompt(bakery, day=ONE_CALL))
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    days = [(row.spent, row.held) async for row in _days()]
    assert days == [(100_000, 0), (0, ONE_CALL)]
    assert (await sync_to_async(auditing.audit)()).total == 0


def test_parallel_prompts_never_pass_the_budget(transactional_db: None, price: object) -> None:
    tenant = new_tenant("Herd", NANO)

    async def whole(_number: int) -> None:
        """A prompt that costs all that it may."""
        hold = await ledger.hold(prompt(tenant, day=10 * ONE_CALL, month=20 * ONE_CALL))
        await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "length", 1, 2)

    answers = in_threads(whole, 50)
    assert sum(answer is None for answer in answers) == 10
    assert sum(isinstance(answer, BudgetExhausted) for answer in answers) == 40
    day = ChatbotWindow.objects.get(period="day")
    assert (day.spent, day.held) == (10 * ONE_CALL, 0)
    assert auditing.audit().total == 0


def _yesterday() -> None:
    """Everything so far happened a day ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_chatbotwindow SET starts_at = starts_at - interval '1 day' "
            "WHERE period = 'day'"
        )
        cursor.execute("UPDATE billing_hold SET created_at = created_at - interval '1 day'")


def _days() -> Any:
    return ChatbotWindow.objects.filter(period="day").order_by("starts_at")


async def test_a_free_call_ends_without_waiting_for_any_budget(bakery: Tenant) -> None:
    """The account guards its budgets' rows, and a free call does not lock it: two who lock them in
    another order would wait for each other."""
    await sync_to_async(set_price)("free", Rate(0, 0, 0))
    limits: dict[str, Any] = {"chatbot_id": BOT, "budget_nano": NANO, "budget_period": "day"}
    await ledger.hold(bakery.request(**limits))
    free = await ledger.hold(bakery.request(model="free", **limits))
    async with database.connection() as other, other.transaction():
        await other.execute("SELECT 1 FROM billing_chatbotwindow, billing_budgetwindow FOR UPDATE")
        async with asyncio.timeout(5):
            settled = await ledger.settle(free.id, HALF, "stop", 1, 2)
    assert settled == ledger.Settlement(0, already_settled=False)
    assert await window() == (0, ONE_CALL)
