"""Corrections are new journals that point to the original and stay within it."""

import pytest
from asgiref.sync import sync_to_async

from accounts.models import AuditEntry
from api.errors import InsufficientBalance, InvalidRequest
from billing import adjusting, auditing, ledger, topping_up
from billing.models import Journal, TopUp
from billing.payments import taking_back
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant

pytestmark = pytest.mark.django_db


def top_up_of(tenant: Tenant) -> Journal:
    return Journal.objects.get(organisation=tenant.organisation, kind="top_up")


@pytest.mark.usefixtures("pool")
async def test_a_charge_can_be_refunded_in_parts_up_to_the_whole(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    charge = await Journal.objects.aget(kind="charge")
    refund = sync_to_async(adjusting.refund)
    first = await refund(charge, 150_000, "r1", actor="user_1", note="slow answer")
    assert (first.original_id, first.note) == (charge.id, "slow answer")
    assert await refund(charge, 150_000, "r1", actor="user_1") == first
    with pytest.raises(InvalidRequest, match=r"At most \$0\.00005 "):
        await refund(charge, 50_001, "r2", actor="user_1")
    await refund(charge, 50_000, "r3", actor="user_1")
    assert await bakery.amoney() == (NANO, 0)
    assert (await sync_to_async(auditing.audit)()).total == 0


def test_a_top_up_can_be_paid_out_while_it_is_not_spent(bakery: Tenant) -> None:
    adjusting.refund(top_up_of(bakery), NANO // 2, "r1", actor="user_1")
    assert bakery.money() == (NANO // 2, 0)
    adjusting.adjust(bakery.organisation, -NANO // 2, "a1", actor="user_1", note="spent")
    with pytest.raises(InsufficientBalance):
        adjusting.refund(top_up_of(bakery), NANO // 2, "r2", actor="user_1")
    assert not Journal.objects.filter(ref="r2").exists()


def test_a_correction_cannot_be_refunded(bakery: Tenant) -> None:
    adjustment = adjusting.adjust(bakery.organisation, 5, "a1", actor="user_1", note="gift")
    with pytest.raises(InvalidRequest, match="Only charges"):
        adjusting.refund(adjustment, 5, "r1", actor="user_1")


def test_an_adjustment_moves_the_balance_and_is_audited(bakery: Tenant) -> None:
    journal = adjusting.adjust(bakery.organisation, 7, "a1", actor="user_1", note="gift")
    adjusting.adjust(bakery.organisation, 7, "a1", actor="user_1", note="gift")
    assert bakery.money() == (NANO + 7, 0)
    entry = AuditEntry.objects.get(target=journal.id)
    assert (entry.actor, entry.action) == ("user_1", "ledger.adjustment")


def test_an_adjustment_never_goes_below_zero(bakery: Tenant) -> None:
    with pytest.raises(InsufficientBalance):
        adjusting.adjust(bakery.organisation, -NANO - 1, "a1", actor="user_1", note="oops")
    with pytest.raises(InvalidRequest):
        adjusting.adjust(bakery.organisation, 0, "a2", actor="user_1", note="nothing")
    assert bakery.money() == (NANO, 0)


def test_a_chargeback_of_unspent_money_takes_it_back(bakery: Tenant) -> None:
    first = adjusting.charge_back(top_up_of(bakery), "bank-1")
    assert adjusting.charge_back(top_up_of(bakery), "bank-1") == first
    assert bakery.money() == (0, 0)
    bakery.organisation.refresh_from_db()
    assert bakery.organisation.suspended_at is None


def test_a_chargeback_of_spent_money_is_written_off_and_suspends(bakery: Tenant) -> None:
    adjusting.adjust(bakery.organisation, -NANO + 3, "a1", actor="user_1", note="spent")
    journal = adjusting.charge_back(top_up_of(bakery), "bank-1")
    legs = dict(journal.entries.values_list("account__kind", "amount"))
    assert legs == {"customer": -3, "writeoff": 3 - NANO, "clearing": NANO}
    assert bakery.money() == (0, 0)
    bakery.organisation.refresh_from_db()
    assert bakery.organisation.suspended_at is not None
    assert auditing.audit().total == 0


@pytest.mark.usefixtures("pool")
async def test_a_chargeback_leaves_what_running_calls_hold(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    top_up = await sync_to_async(top_up_of)(bakery)
    await sync_to_async(adjusting.charge_back)(top_up, "bank-1")
    assert await bakery.amoney() == (0, ONE_CALL)
    await ledger.settle(hold.id, ledger.Usage(100, 0, 50), "stop", 1, 2)
    assert await bakery.amoney() == (0, 0)


def test_what_was_paid_out_cannot_be_charged_back_again(bakery: Tenant) -> None:
    adjusting.refund(top_up_of(bakery), NANO // 4, "r1", actor="user_1")
    journal = adjusting.charge_back(top_up_of(bakery), "bank-1")
    legs = dict(journal.entries.values_list("account__kind", "amount"))
    assert legs == {"customer": -3 * NANO // 4, "clearing": 3 * NANO // 4}


def test_only_top_ups_are_charged_back(bakery: Tenant) -> None:
    code = topping_up.issue_code(5)
    credit = topping_up.redeem(bakery.organisation, code).journal
    with pytest.raises(InvalidRequest):
        adjusting.charge_back(credit, "bank-1")


@pytest.mark.usefixtures("pool")
async def test_what_calls_held_when_a_payment_was_taken_back_is_collected_when_they_end(
    bakery: Tenant,
) -> None:
    collect = sync_to_async(taking_back.collect)
    first, second = [await ledger.hold(bakery.request()) for _ in range(2)]
    await sync_to_async(taking_back.take)(TopUp.Provider.FAKE, "re_1", "start", NANO)
    assert await bakery.amoney() == (0, 2 * ONE_CALL)
    assert await collect() == 0
    await ledger.settle(first.id, ledger.Usage(100, 0, 0), "stop", 1, 2)
    assert (await collect(), await collect()) == (1, 0)
    assert await bakery.amoney() == (0, ONE_CALL)
    await sync_to_async(topping_up.top_up)(bakery.organisation, NANO, "paid again")
    await ledger.void(second.id, "error")
    assert (await collect(), await collect()) == (1, 0)
    assert await bakery.amoney() == (NANO, 0)
    third = await ledger.hold(bakery.request())
    await ledger.void(third.id, "error")
    assert await collect() == 0  # it is of the new payment's money
    assert (await sync_to_async(auditing.audit)()).total == 0


@pytest.mark.usefixtures("pool")
async def test_what_was_collected_for_a_refund_that_failed_comes_back_too(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await sync_to_async(taking_back.take)(TopUp.Provider.FAKE, "re_1", "start", NANO)
    await ledger.void(hold.id, "error")
    assert await sync_to_async(taking_back.collect)() == 1
    await sync_to_async(taking_back.undo)("re_1", "start", NANO)
    assert await sync_to_async(taking_back.collect)() == 0
    assert await bakery.amoney() == (NANO, 0)
    assert (await sync_to_async(auditing.audit)()).total == 0
