"""Usage counts every charged call once, whether its day is rolled up or not."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from accounts.models import Refusal
from billing import adjusting, ledger, statements, sweeping, usage
from billing.models import UsageDaily
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant, new_tenant, set_price

pytestmark = pytest.mark.usefixtures("pool")
FULL = ledger.Usage(prompt_tokens=100, cached_tokens=20, completion_tokens=50)
COST = ONE_CALL - 20 * 750
EVER = (date(2000, 1, 1), date(2100, 1, 1))
by = sync_to_async(usage.by)
limited = partial(by, state="limited")
roll_up = sync_to_async(usage.roll_up)
rebuild = sync_to_async(usage.rebuild)


async def call(tenant: Tenant, days_ago: int = 0, **changes: object) -> str:
    hold = await ledger.hold(tenant.request(**changes))
    await ledger.settle(hold.id, FULL, "stop", 1, 2)
    await close_days_ago(hold.id, days_ago)
    return hold.id


@sync_to_async
def close_days_ago(hold_id: str, days: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_hold SET closed_at = closed_at - make_interval(days => %s)"
            " WHERE id = %s",
            [days, hold_id],
        )


async def test_usage_is_summed_by_what_is_asked_for(bakery: Tenant) -> None:
    await sync_to_async(set_price)("other")
    await call(bakery)
    await call(bakery, chatbot_id="bot_1")
    await call(bakery, model="other", days_ago=1)
    models = await by(bakery.organisation.id, *EVER, ["model"])
    assert [(line.model, line.requests, line.charged_nano) for line in models] == [
        ("other", 1, COST),
        ("tiny", 2, 2 * COST),
    ]
    days = await by(bakery.organisation.id, *EVER)
    assert [(line.requests, line.model) for line in days] == [(1, None), (2, None)]
    (whole,) = await by(bakery.organisation.id, *EVER, [])
    assert (whole.prompt_tokens, whole.cached_tokens, whole.completion_tokens) == (300, 60, 150)
    chatbots = await by(bakery.organisation.id, *EVER, ["chatbot", "key"])
    assert [(line.chatbot, line.key) for line in chatbots] == [
        ("bot_1", bakery.key.id),
        (None, bakery.key.id),
    ]


async def test_a_period_is_half_open(bakery: Tenant) -> None:
    today = datetime.now(UTC).date()
    for days_ago in (0, 1, 2):
        await call(bakery, days_ago)
    lines = await by(bakery.organisation.id, today - timedelta(days=2), today)
    assert [line.day for line in lines] == [today - timedelta(days=2), today - timedelta(days=1)]


async def test_free_and_open_calls_are_not_usage(bakery: Tenant) -> None:
    await ledger.hold(bakery.request())
    await ledger.void((await ledger.hold(bakery.request())).id, "error")
    assert await by(bakery.organisation.id, *EVER) == []


async def test_hours_add_up_to_their_day(bakery: Tenant) -> None:
    for _ in range(3):
        await call(bakery)
    (day,) = await by(bakery.organisation.id, *EVER)
    hours = await by(bakery.organisation.id, *EVER, ["hour", "key"])
    assert sum(line.requests for line in hours) == day.requests == 3
    assert sum(line.charged_nano for line in hours) == day.charged_nano
    assert all(line.hour and line.hour.minute == 0 and line.day is None for line in hours)


async def test_calls_that_a_limit_refused_are_told_by_key_and_hour(
    bakery: Tenant, mill: Tenant
) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for tenant, calls, hours_ago in ((bakery, 5, 0), (bakery, 2, 30), (mill, 9, 0)):
        await Refusal.objects.acreate(
            organisation=tenant.organisation, key=tenant.key, calls=calls,
            hour=now - timedelta(hours=hours_ago),
        )  # fmt: skip
    (line,) = await limited(bakery.organisation.id, *EVER, ["key"])
    assert (line.key, line.requests, line.charged_nano) == (bakery.key.id, 7, 0)
    hours = await limited(bakery.organisation.id, *EVER, ["hour"])
    assert [(line.hour, line.requests) for line in hours] == [
        (now - timedelta(hours=30), 2),
        (now, 5),
    ]
    assert await limited(bakery.organisation.id, *EVER, ["day"], {"model": "tiny"}) == []


async def test_strangers_see_nothing(bakery: Tenant, mill: Tenant) -> None:
    await call(bakery)
    assert await by(mill.organisation.id, *EVER) == []


async def test_a_roll_up_changes_no_sum_and_can_be_made_again(bakery: Tenant) -> None:
    for days_ago in (0, 1, 1, 3):
        await call(bakery, days_ago)
    before = await by(bakery.organisation.id, *EVER, ["day", "model", "key"])
    for again in (roll_up, roll_up, rebuild):
        mark = await again()
        assert mark in {datetime.now(UTC).date(), datetime.now(UTC).date() - timedelta(days=1)}
        assert await by(bakery.organisation.id, *EVER, ["day", "model", "key"]) == before
    assert await UsageDaily.objects.acount() >= 1
    rolled = [row.charged async for row in UsageDaily.objects.order_by("day")]
    assert rolled[0] == COST


async def test_a_late_settle_of_a_rolled_up_day_is_counted(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)])
    await lapse(hold.id)
    await sync_to_async(sweeping.sweep)()
    await close_days_ago(hold.id, 3)
    await roll_up()
    await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    (line,) = await by(bakery.organisation.id, *EVER)
    assert (line.completion_tokens, line.charged_nano) == (50, ONE_CALL)
    await roll_up()
    assert await by(bakery.organisation.id, *EVER) == [line]


@sync_to_async
def lapse(hold_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_hold SET lease_until = now() - interval '1 second' WHERE id = %s",
            [hold_id],
        )


async def test_a_statement_adds_up_to_the_balance(transactional_db: None, price: object) -> None:
    tenant = await sync_to_async(new_tenant)("Adds up", NANO)
    await call(tenant)
    await sync_to_async(adjusting.adjust)(tenant.organisation, 7, "a1", actor="test", note="gift")
    now = datetime.now(UTC)
    told = await sync_to_async(statements.statement)(
        tenant.organisation.id, now - timedelta(days=1), now + timedelta(days=1)
    )
    assert told.totals == {"top_up": NANO, "charge": -COST, "adjustment": 7}
    assert (told.opening, told.closing) == (0, NANO - COST + 7)
    later = await sync_to_async(statements.statement)(
        tenant.organisation.id, now + timedelta(days=1), now + timedelta(days=2)
    )
    assert (later.opening, later.totals, later.closing) == (told.closing, {}, told.closing)
