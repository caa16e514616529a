"""An organisation's spending cap: its calls of a UTC month cost no more, whoever makes them."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry, Membership, User, WebhookDelivery, WebhookEndpoint
from api.errors import InsufficientBalance, InvalidRequest, KeyBudgetExceeded, SpendingCapReached
from billing import auditing, caps, ledger, sweeping
from billing.models import Account, Hold
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant, in_threads, new_tenant

pytestmark = pytest.mark.usefixtures("pool")
FULL = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=50)  # 200,000 n$
HALF = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=0)  # 100,000 n$


@sync_to_async
def cap(tenant: Tenant, nano: int | None) -> None:
    caps.set_cap(tenant.organisation.id, nano, "user_of_the_test")


@sync_to_async
def month(tenant: Tenant) -> tuple[int, int]:
    account = tenant.account
    return account.spent_this_month, account.held_this_month


async def spend(tenant: Tenant, usage: ledger.Usage = FULL, **changes: Any) -> None:
    hold = await ledger.hold(tenant.request(**changes))
    await ledger.settle(hold.id, usage, "stop", 1, 2)


async def test_calls_count_as_held_then_as_spent(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    assert await month(bakery) == (0, ONE_CALL)
    await ledger.settle(hold.id, HALF, "stop", 1, 2)
    assert await month(bakery) == (100_000, 0)
    await ledger.void((await ledger.hold(bakery.request())).id, "error")
    assert await month(bakery) == (100_000, 0)


async def test_a_call_beyond_the_cap_is_refused_whatever_the_balance(bakery: Tenant) -> None:
    await cap(bakery, 2 * ONE_CALL)
    await spend(bakery)
    await ledger.hold(bakery.request())
    with pytest.raises(SpendingCapReached, match=r"cap has \$0\.00 left") as refused:
        await ledger.hold(bakery.request())
    assert (refused.value.status, refused.value.error_code) == (403, "spending_cap_reached")
    await cap(bakery, 3 * ONE_CALL)
    await ledger.hold(bakery.request())
    await cap(bakery, None)
    await ledger.hold(bakery.request())


async def test_it_lowers_the_output_before_it_refuses(bakery: Tenant) -> None:
    await cap(bakery, 100_000 + 20 * 2_000)
    hold = await ledger.hold(bakery.request())
    assert (hold.max_output, hold.lowered) == (20, True)


async def test_what_the_month_has_cost_before_counts(bakery: Tenant) -> None:
    await spend(bakery)
    await cap(bakery, ONE_CALL)
    with pytest.raises(SpendingCapReached):
        await ledger.hold(bakery.request())


async def test_free_calls_pass_it(bakery: Tenant) -> None:
    await cap(bakery, 1)
    free = await ledger.hold(bakery.request(prompt_tokens=0, max_output=0))
    assert free.amount == 0


async def test_the_scarcest_is_named(transactional_db: None, price: object) -> None:
    poor = await sync_to_async(new_tenant)("Poor", 10)
    await cap(poor, ONE_CALL)
    with pytest.raises(InsufficientBalance) as refused:
        await ledger.hold(poor.request())
    assert not isinstance(refused.value, SpendingCapReached)
    rich = await sync_to_async(new_tenant)("Rich", NANO)
    await cap(rich, ONE_CALL)
    with pytest.raises(KeyBudgetExceeded):
        await ledger.hold(rich.request(budget_nano=10, budget_period="day"))


async def test_another_organisation_has_its_own(bakery: Tenant, mill: Tenant) -> None:
    await cap(bakery, 1)
    await ledger.hold(mill.request())


def test_parallel_calls_never_pass_it(transactional_db: None, price: object) -> None:
    tenant = new_tenant("Cap", NANO)
    caps.set_cap(tenant.organisation.id, 7 * ONE_CALL, "user_of_the_test")
    answers = in_threads(lambda _: ledger.hold(tenant.request()), 100)
    assert sum(isinstance(answer, ledger.Hold) for answer in answers) == 7
    assert sum(isinstance(answer, SpendingCapReached) for answer in answers) == 93
    assert tenant.account.held_this_month == 7 * ONE_CALL


async def test_a_new_month_begins_at_nothing(bakery: Tenant) -> None:
    await cap(bakery, 2 * ONE_CALL)
    await spend(bakery)
    late = await ledger.hold(bakery.request())  # it runs on into the next month
    await forty_days_pass()
    assert await month(bakery) == (0, 0)
    await ledger.hold(bakery.request())
    await ledger.settle(late.id, FULL, "stop", 1, 2)  # counts in its own month, which is over
    assert await month(bakery) == (0, ONE_CALL)
    await ledger.hold(bakery.request())
    with pytest.raises(SpendingCapReached):
        await ledger.hold(bakery.request())
    assert (await sync_to_async(auditing.audit)()).total == 0


async def test_a_hold_of_a_clock_that_is_behind_does_not_empty_the_month(bakery: Tenant) -> None:
    await spend(bakery)
    await Account.objects.filter(pk=(await sync_to_async(lambda: bakery.account.pk)())).aupdate(
        month_starts_at=timezone.now() + timedelta(days=40)
    )
    hold = await ledger.hold(bakery.request())
    await ledger.settle(hold.id, FULL, "stop", 1, 2)
    account = await Account.objects.aget(organisation=bakery.organisation, kind="customer")
    assert (account.month_spent, account.month_held) == (ONE_CALL, 0)


async def test_a_late_settle_counts_its_difference(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)])
    await Hold.objects.aupdate(lease_until=timezone.now() - timedelta(seconds=1))
    await sync_to_async(sweeping.sweep)()
    assert await month(bakery) == (120_000, 0)
    await ledger.settle(hold.id, FULL, "stop", 1, 2)
    assert await month(bakery) == (ONE_CALL, 0)


async def test_the_month_can_be_summed_again(bakery: Tenant) -> None:
    await spend(bakery)
    await ledger.hold(bakery.request())
    told = await month(bakery)
    await Account.objects.aupdate(month_starts_at=None, month_spent=0, month_held=0)
    await sync_to_async(caps.recount)()
    assert await month(bakery) == told == (ONE_CALL, ONE_CALL)


async def test_people_are_told_at_four_fifths_once_a_month(bakery: Tenant) -> None:
    await sync_to_async(a_member)(bakery)
    tell = sync_to_async(caps.tell)
    await cap(bakery, 5 * ONE_CALL)
    for calls, told in ((3, 0), (1, 1), (0, 0)):
        for _ in range(calls):
            await spend(bakery)
        assert await tell() == told
    (letter,) = [letter for letter in mail.outbox if letter.to == ["baker@example.com"]]
    assert letter.subject == "Bakery has spent $0.0008 of its $0.001 this month"
    assert "is refused until the month ends" in letter.body
    await forty_days_pass()
    await Account.objects.aupdate(cap_told_at=timezone.now() - timedelta(days=40))
    assert await tell() == 0
    for _ in range(4):
        await spend(bakery)
    assert await tell() == 1


async def test_people_are_told_once_when_calls_are_refused(bakery: Tenant) -> None:
    await sync_to_async(a_member)(bakery)
    await sync_to_async(a_hook)(bakery)
    tell = sync_to_async(caps.tell)
    await cap(bakery, 5 * ONE_CALL)
    for _ in range(4):
        await spend(bakery)
    assert await tell() == 1
    for told in (1, 0, 0):  # there is room for one call yet, but not for this one
        with pytest.raises(SpendingCapReached):
            await ledger.hold(bakery.request(prompt_tokens=300))
        assert await tell() == told
    subjects = [letter.subject for letter in mail.outbox if letter.to == ["baker@example.com"]]
    assert subjects == [
        "Bakery has spent $0.0008 of its $0.001 this month",
        "Bakery has reached its spending cap of $0.001",
    ]
    (body,) = [json.loads(row.body) async for row in WebhookDelivery.objects.all()]
    assert (body["type"], body["data"]["spent"], body["data"]["cap"]) == (
        "cap.reached", "0.0008", "0.001",
    )  # fmt: skip
    await cap(bakery, 4 * ONE_CALL)
    assert await tell() == 1  # another cap, and all of it is spent


async def test_a_call_that_is_too_large_for_what_is_left_does_not_reach_it(bakery: Tenant) -> None:
    await cap(bakery, 5 * ONE_CALL)
    await spend(bakery)
    with pytest.raises(SpendingCapReached):
        await ledger.hold(bakery.request(prompt_tokens=100_000))
    assert await sync_to_async(caps.tell)() == 0
    shown = await sync_to_async(lambda: caps.of(bakery.account))()
    assert shown is not None
    assert not shown.is_reached


async def test_a_refusal_of_last_month_says_nothing_of_this_one(bakery: Tenant) -> None:
    await cap(bakery, ONE_CALL)
    await spend(bakery)
    with pytest.raises(SpendingCapReached):
        await spend(bakery)
    await forty_days_pass()
    long_ago = timezone.now() - timedelta(days=40)
    await Account.objects.aupdate(cap_refused_at=long_ago)
    assert await sync_to_async(caps.tell)() == 0
    with pytest.raises(SpendingCapReached):
        await ledger.hold(bakery.request(prompt_tokens=100_000))
    account = await Account.objects.aget(organisation=bakery.organisation, kind="customer")
    assert account.was_refused_this_month


async def test_a_cap_is_set_by_somebody(bakery: Tenant) -> None:
    await asyncio.gather(cap(bakery, NANO), cap(bakery, NANO))
    await cap(bakery, None)
    entries = [entry async for entry in AuditEntry.objects.filter(action="spending_cap.changed")]
    assert {entry.actor for entry in entries} == {"user_of_the_test"}
    assert (entries[-1].before, entries[-1].after) in (
        ({"spending_cap": "1.00"}, {"spending_cap": None}),
        ({"spending_cap": None}, {"spending_cap": "1.00"}),
    )
    for odd in (0, -1, 10**16):
        with pytest.raises(InvalidRequest):
            await cap(bakery, odd)


def a_member(tenant: Tenant) -> None:
    user = User.objects.create_user("baker@example.com", "a password of theirs")
    Membership.objects.create(organisation=tenant.organisation, user=user, role="owner")


def a_hook(tenant: Tenant) -> None:
    WebhookEndpoint.objects.create(
        organisation=tenant.organisation, url="https://hooks.example", events=["cap.reached"]
    )


@sync_to_async
def forty_days_pass() -> None:
    """Play it by moving what happened forty days back."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_hold SET created_at = created_at - interval '40 days'")
        cursor.execute(
            "UPDATE billing_account SET month_starts_at ="
            " date_trunc('month', month_starts_at - interval '20 days', 'UTC')"
        )
