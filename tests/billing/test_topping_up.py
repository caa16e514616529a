"""Payments and credit codes arrive once, whoever tells of them how often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from accounts.models import AuditEntry
from api.errors import Forbidden, IdempotencyMismatch, InvalidRequest
from billing import auditing, topping_up
from billing.models import CreditCode, Journal, TopUp
from billing.pricing import NANO
from tests.billing.conftest import Tenant

pytestmark = pytest.mark.django_db
FIVE = 5 * NANO


def test_a_top_up_credits_the_balance_from_clearing(bakery: Tenant) -> None:
    topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    assert bakery.money() == (NANO + FIVE, 0)
    journal = Journal.objects.get(top_up__ref="payment-1")
    legs = dict(journal.entries.values_list("account__kind", "amount"))
    assert legs == {"customer": FIVE, "clearing": -FIVE}


def test_the_same_ref_credits_once(bakery: Tenant) -> None:
    first = topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    assert topping_up.top_up(bakery.organisation, FIVE, "payment-1") == first
    assert bakery.money() == (NANO + FIVE, 0)
    assert AuditEntry.objects.filter(target=first.id).count() == 1


def test_the_same_ref_for_another_amount_is_refused(bakery: Tenant) -> None:
    topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    with pytest.raises(IdempotencyMismatch):
        topping_up.top_up(bakery.organisation, FIVE + 1, "payment-1")


def test_a_ref_is_its_organisations_own(bakery: Tenant, mill: Tenant) -> None:
    topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    topping_up.top_up(mill.organisation, FIVE, "payment-1")
    assert bakery.money() == mill.money() == (NANO + FIVE, 0)


@pytest.mark.parametrize("nano", [0, -1])
def test_a_top_up_is_positive(bakery: Tenant, nano: int) -> None:
    with pytest.raises(InvalidRequest):
        topping_up.top_up(bakery.organisation, nano, "payment-1")


@override_settings(PRODUCTION=True)
def test_production_refuses_the_fake_provider(bakery: Tenant) -> None:
    with pytest.raises(Forbidden, match="fake payment provider"):
        topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    manual = TopUp.Provider.MANUAL
    topping_up.top_up(bakery.organisation, FIVE, "payment-1", manual)
    assert bakery.money() == (NANO + FIVE, 0)


def test_the_fake_provider_says_that_no_money_moved(bakery: Tenant) -> None:
    added = topping_up.top_up(bakery.organisation, FIVE, "payment-1")
    assert added.get_provider_display() == "Test payment: no money moved"


def test_a_credit_code_is_worth_its_amount_once(bakery: Tenant, mill: Tenant) -> None:
    code = topping_up.issue_code(FIVE)
    first = topping_up.redeem(bakery.organisation, code.lower().replace("-", " "))
    assert topping_up.redeem(bakery.organisation, code) == first
    with pytest.raises(InvalidRequest, match="already redeemed"):
        topping_up.redeem(mill.organisation, code)
    assert (bakery.money(), mill.money()) == ((NANO + FIVE, 0), (NANO, 0))
    assert first.journal.kind == "promo"
    assert auditing.audit().total == 0


def test_an_expired_or_unknown_code_is_refused(bakery: Tenant) -> None:
    old = topping_up.issue_code(FIVE, expires_at=timezone.now() - timedelta(seconds=1))
    for code in (old, "0000-0000", ""):
        with pytest.raises(InvalidRequest, match="unknown, expired"):
            topping_up.redeem(bakery.organisation, code)
    assert bakery.money() == (NANO, 0)


def test_a_code_is_not_stored(bakery: Tenant) -> None:
    code = topping_up.issue_code(FIVE)
    assert code not in str(CreditCode.objects.values().get())


@pytest.mark.django_db(transaction=True)
def test_the_same_payment_told_twenty_times_at_once_is_credited_once(bakery: Tenant) -> None:
    def pay(_: int) -> str:
        try:
            return topping_up.top_up(bakery.organisation, FIVE, "payment-1").id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as threads:
        told = list(threads.map(pay, range(20)))
    assert len(set(told)) == 1
    assert bakery.money() == (NANO + FIVE, 0)
