"""Payments: a checkout is begun, and credited once when the provider says that it is paid."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEntry, User
from api.errors import InvalidRequest
from billing import payments
from billing.accounts import customer_account
from billing.models import Payment, TopUp
from tests.cast import Person

DOLLAR = 10**9


def begin(person: Person, nano: int = 5 * DOLLAR) -> str:
    return payments.begin(person.organisation.id, nano, person.user.id, "/dashboard/back")


def balance(person: Person) -> int:
    return customer_account(person.organisation.id).available


@pytest.fixture
def http(ada: Person) -> Client:
    client = Client()
    client.force_login(ada.user)
    return client


def test_the_fake_checkout_says_that_no_money_moves(ada: Person, http: Client) -> None:
    page = http.get(begin(ada)).content.decode()
    assert "Test payment: no money moves." in page
    assert "$5.00" in page


def test_a_paid_checkout_credits_once(ada: Person, http: Client) -> None:
    address = begin(ada)
    before = balance(ada)
    for _click in range(3):
        assert http.post(address, {"pay": ""})["Location"] == "/dashboard/back"
    assert balance(ada) - before == 5 * DOLLAR
    payment = Payment.objects.get()
    assert payment.state == Payment.State.PAID
    assert [p.id for p in payments.receipts(ada.organisation.id)] == [payment.id]
    assert AuditEntry.objects.get(action="topup.created", target=payment.top_up_id).actor == (
        ada.user.id
    )


def test_a_cancelled_checkout_credits_nothing_and_is_over(ada: Person, http: Client) -> None:
    address = begin(ada)
    before = balance(ada)
    http.post(address, {"cancel": ""})
    assert balance(ada) == before
    assert Payment.objects.get().state == Payment.State.EXPIRED
    assert b"This payment is over" in http.get(address).content


def test_only_who_may_pay_sees_the_checkout(ada: Person, ben: Person, mallory: Person) -> None:
    address = begin(ada)
    for person in (ben, mallory):
        client = Client()
        client.force_login(person.user)
        assert client.get(address).status_code == 404
        assert client.post(address, {"pay": ""}).status_code == 404
    assert Client().get(address)["Location"].startswith("/accounts/login/")
    assert not TopUp.objects.filter(payment__isnull=False).exists()


@pytest.mark.parametrize("nano", [0, -DOLLAR, DOLLAR - 10**7, DOLLAR + 1, 10_001 * DOLLAR])
def test_odd_amounts_are_refused(ada: Person, nano: int) -> None:
    with pytest.raises(InvalidRequest):
        begin(ada, nano)


def test_production_has_no_fake_provider(ada: Person, http: Client, settings: Settings) -> None:
    address = begin(ada)
    settings.PRODUCTION = True
    with pytest.raises(InvalidRequest, match="No payment provider"):
        begin(ada)
    assert http.post(address, {"pay": ""}).status_code == 404


def test_a_form_of_another_site_pays_nothing(ada: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(pk=ada.user.pk))
    address = begin(ada)
    assert client.post(address, {"pay": ""}).status_code == 403
    assert Payment.objects.get().state == Payment.State.OPEN
