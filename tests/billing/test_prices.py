"""Prices are dated: a new one counts from its moment on, and what ran before keeps what it cost."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction
from django.utils import timezone

from billing import ledger
from billing.models import Price
from billing.pricing import NANO
from billing.pricing import Price as Rate
from tests.billing.conftest import MODEL, ONE_CALL, RATE, Tenant, set_price


@pytest.mark.usefixtures("pool")
async def test_a_hold_keeps_its_price_when_the_price_changes(bakery: Tenant) -> None:
    before = await ledger.hold(bakery.request())
    double = Rate(RATE.input * 2, RATE.cached_input, RATE.output * 2)
    await sync_to_async(set_price)(rate=double)
    after = await ledger.hold(bakery.request())
    assert (before.amount, after.amount) == (ONE_CALL, 2 * ONE_CALL)
    used = ledger.Usage(100, 0, 50)
    assert (await ledger.settle(before.id, used, "stop", 1, 2)).charged_nano == ONE_CALL
    assert (await ledger.settle(after.id, used, "stop", 1, 2)).charged_nano == 2 * ONE_CALL
    assert await bakery.amoney() == (NANO - 3 * ONE_CALL, 0)


@pytest.mark.usefixtures("pool")
async def test_a_price_of_tomorrow_does_not_count_today(bakery: Tenant) -> None:
    await Price.objects.acreate(
        model=MODEL, input=0, cached_input=0, output=0,
        effective_from=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    assert (await ledger.hold(bakery.request())).amount == ONE_CALL


@pytest.mark.usefixtures("pool")
async def test_each_tier_has_its_own_price(bakery: Tenant) -> None:
    half = {"input": 500_000, "cached_input": 0, "output": 1_000_000}
    await Price.objects.acreate(model=MODEL, tier="batch", **half)
    assert (await ledger.hold(bakery.request(tier="batch"))).amount == ONE_CALL // 2
    assert (await ledger.hold(bakery.request())).amount == ONE_CALL


@pytest.mark.django_db
def test_a_price_cannot_begin_in_the_past() -> None:
    with pytest.raises(DatabaseError, match="in the past"), transaction.atomic():
        Price.objects.create(
            model=MODEL, input=1, cached_input=1, output=1,
            effective_from=timezone.now() - timedelta(days=1),
        )  # fmt: skip
