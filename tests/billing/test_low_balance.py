"""Falling below the line is recorded once a crossing, not once a call."""

import pytest
from asgiref.sync import sync_to_async

from billing import adjusting, ledger, topping_up
from billing.models import Account, LowBalance
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant

LINE = NANO - 150_000


@pytest.mark.usefixtures("pool")
async def test_one_crossing_is_one_record(bakery: Tenant) -> None:
    await Account.objects.filter(kind="customer").aupdate(low_balance=LINE)
    holds = [await ledger.hold(bakery.request()) for _ in range(3)]
    assert await LowBalance.objects.acount() == 0  # a hold is not yet spent
    for hold in holds:
        await ledger.settle(hold.id, ledger.Usage(100, 0, 0), "stop", 1, 2)
    crossing = await LowBalance.objects.aget()
    assert crossing.balance == NANO - 200_000

    await sync_to_async(topping_up.top_up)(bakery.organisation, ONE_CALL, "more")
    await sync_to_async(adjusting.adjust)(
        bakery.organisation, -ONE_CALL, "less", actor="test", note="spent"
    )
    assert await LowBalance.objects.acount() == 2


@pytest.mark.django_db
def test_without_a_line_nothing_is_recorded(bakery: Tenant) -> None:
    adjusting.adjust(bakery.organisation, -NANO, "all", actor="test", note="spent")
    assert not LowBalance.objects.exists()
