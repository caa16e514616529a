"""The holds of dead processes are charged at their last word; a late settle adds the rest."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from accounts import idempotency
from accounts.idempotency import StoredAnswer
from api import database
from api.errors import IdempotencyLost
from billing import adjusting, auditing, ledger, sweeping
from billing.models import Hold
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant

pytestmark = pytest.mark.usefixtures("pool")
TEN = 100 * 1_000 + 10 * 2_000


@sync_to_async
def lapse(hold_id: str) -> None:
    """As if its process had not renewed it for a minute."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_hold SET lease_until = now() - interval '1 second' WHERE id = %s",
            [hold_id],
        )


sweep = sync_to_async(sweeping.sweep)


async def test_a_lapsed_hold_is_charged_at_its_last_checkpoint(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    assert await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)]) == 1
    await lapse(hold.id)
    assert await sweep() == sweeping.Swept(charged=1, voided=0)
    assert await bakery.amoney() == (NANO - TEN, 0)
    assert (await Hold.objects.aget(pk=hold.id)).state == "expired"


async def test_a_lapsed_hold_without_a_token_is_free(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await lapse(hold.id)
    assert await sweep() == sweeping.Swept(charged=0, voided=1)
    assert await bakery.amoney() == (NANO, 0)


async def test_a_renewed_hold_is_left_alone(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await lapse(hold.id)
    await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)])
    assert await sweep() == sweeping.Swept(charged=0, voided=0)
    assert await bakery.amoney() == (NANO - ONE_CALL, ONE_CALL)


async def test_more_holds_than_a_batch_are_all_swept(bakery: Tenant) -> None:
    for _ in range(sweeping.BATCH + 1):
        await lapse((await ledger.hold(bakery.request(max_output=16))).id)
    assert (await sweep()).voided == sweeping.BATCH + 1


async def test_a_locked_account_keeps_no_other_from_being_swept(
    bakery: Tenant, mill: Tenant
) -> None:
    for tenant in (bakery, mill):
        await lapse((await ledger.hold(tenant.request())).id)
    async with database.connection() as elsewhere, elsewhere.transaction():
        await elsewhere.execute(
            "SELECT 1 FROM billing_account WHERE organisation_id = %s FOR UPDATE",
            [bakery.organisation.id],
        )
        async with asyncio.timeout(10):
            assert (await sweep()).voided == 1
    assert await mill.amoney() == (NANO, 0)
    assert (await sweep()).voided == 1
    assert await bakery.amoney() == (NANO, 0)


async def test_a_late_settle_posts_the_difference_once(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)])
    await lapse(hold.id)
    await sweep()
    late = await ledger.settle(hold.id, ledger.Usage(100, 0, 30), "stop", 1, 2)
    assert late == ledger.Settlement(TEN + 20 * 2_000, already_settled=False)
    again = await ledger.settle(hold.id, ledger.Usage(100, 0, 40), "stop", 1, 2)
    assert again == ledger.Settlement(TEN + 20 * 2_000, already_settled=True)
    assert await bakery.amoney() == (NANO - TEN - 20 * 2_000, 0)


async def test_a_late_settle_never_passes_the_hold(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await lapse(hold.id)
    await sweep()
    late = await ledger.settle(hold.id, ledger.Usage(100, 0, 5_000), "stop", 1, 2)
    assert late.charged_nano == ONE_CALL


async def test_what_the_balance_no_longer_covers_is_forgiven_and_counted(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await ledger.renew([ledger.Checkpoint(hold.id, 100, 0, 10)])
    await lapse(hold.id)
    await sweep()
    left = 1_500
    spend = sync_to_async(adjusting.adjust)
    await spend(
        bakery.organisation, -(NANO - TEN - left), "spent", actor="test", note="spent elsewhere"
    )
    late = await ledger.settle(hold.id, ledger.Usage(100, 0, 30), "stop", 1, 2)
    assert late.charged_nano == TEN + left
    assert await bakery.amoney() == (0, 0)
    row = await Hold.objects.aget(pk=hold.id)
    assert (row.forgiven, row.charged) == (20 * 2_000 - left, TEN + left)
    assert (await sync_to_async(auditing.audit)()).total == 0
    assert await sync_to_async(auditing.forgiven)() == 20 * 2_000 - left


async def test_a_late_void_of_a_free_sweep_moves_nothing(bakery: Tenant) -> None:
    hold = await ledger.hold(bakery.request())
    await lapse(hold.id)
    await sweep()
    assert (await ledger.void(hold.id, "error")).charged_nano == 0
    assert (await Hold.objects.aget(pk=hold.id)).state == "voided"
    assert await bakery.amoney() == (NANO, 0)


@pytest.mark.parametrize("delivered", [0, 10])
async def test_an_idempotency_key_is_lost_with_a_charge_and_free_without(
    bakery: Tenant, delivered: int
) -> None:
    request = bakery.request()
    claim = (bakery.organisation.id, "order-7", b"x" * 32)
    await idempotency.claim(*claim, request.id)
    await ledger.hold(request)
    await ledger.renew([ledger.Checkpoint(request.id, 100, 0, delivered)])
    await lapse(request.id)
    await sweep()
    if delivered:
        with pytest.raises(IdempotencyLost):
            await idempotency.claim(*claim, "gen_other")
    else:
        assert await idempotency.claim(*claim, "gen_other") is None


async def test_a_claim_whose_call_never_held_money_is_freed_after_two_minutes(
    bakery: Tenant,
) -> None:
    claim = (bakery.organisation.id, "order-8", b"x" * 32)
    await idempotency.claim(*claim, "gen_dead")
    await sync_to_async(_age_claims)()
    await sweep()
    assert await idempotency.claim(*claim, "gen_other") is None
    await idempotency.finish("gen_other", StoredAnswer(200, {}, b"{}"))


def _age_claims() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_idempotencyrecord SET created_at = now() - interval '3 minutes'"
        )
