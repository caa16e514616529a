"""Stripe keeps a card, and is asked for a payment by it with nobody present, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import payments
from billing.accounts import customer_account
from billing.models import AutoTopUp, Payment
from billing.payments import automatic
from tests.billing.scripted_stripe import ScriptedStripe, event, signature
from tests.cast import Person

DOLLAR = 10**9
CARD = {
    "id": "pi_1", "customer": "cus_1",
    "payment_method": {"id": "pm_1", "type": "card", "card": {"brand": "visa", "last4": "4242"}},
}  # fmt: skip


def tell(kind: str, **fields: Any) -> int:
    body = event(kind, **fields)
    headers = {"stripe-signature": signature(body)}
    return (
        Client()
        .post("/payments/stripe/events", body, content_type="application/json", headers=headers)
        .status_code
    )


def completed() -> int:
    payment = Payment.objects.get(automatic=False)
    return tell(
        "checkout.session.completed",
        id=payment.provider_ref, client_reference_id=payment.id, payment_status="paid",
        payment_intent="pi_1", amount_total=100, currency="usd",
    )  # fmt: skip


def balance(person: Person) -> int:
    return customer_account(person.organisation.id).balance


@pytest.fixture
def owner(ada: Person, stripe: ScriptedStripe) -> Person:
    """Two dollars, a card at Stripe, and a top-up of ten below five."""
    payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "https://x/", saves_card=True)
    stripe.answer = CARD
    assert completed() == 200
    automatic.switch_on(ada.organisation.id, 5 * DOLLAR, 10 * DOLLAR, 30 * DOLLAR, ada.user.id)
    return ada


def test_a_checkout_leaves_its_card(owner: Person, stripe: ScriptedStripe) -> None:
    assert stripe.asked[0]["payment_intent_data[setup_future_usage]"] == "off_session"
    assert stripe.asked[0]["customer_creation"] == "always"
    assert stripe.paths[-1] == "/v1/payment_intents/pi_1"
    auto = AutoTopUp.objects.get()
    assert (auto.customer, auto.method, auto.label) == ("cus_1", "pm_1", "Visa 4242")


def test_a_checkout_is_credited_once_though_its_card_comes_late(
    ada: Person, stripe: ScriptedStripe
) -> None:
    payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "https://x/", saves_card=True)
    before, stripe.status = balance(ada), 500
    assert completed() == 503  # it is told again
    assert balance(ada) == before + DOLLAR
    stripe.status, stripe.answer = 200, CARD
    assert completed() == 200
    assert balance(ada) == before + DOLLAR
    assert AutoTopUp.objects.get().method == "pm_1"


def test_a_charge_names_its_payment_and_is_exact(owner: Person, stripe: ScriptedStripe) -> None:
    before = balance(owner)
    stripe.answer = {"id": "pi_2", "status": "succeeded"}
    assert automatic.work() == 1
    payment = Payment.objects.get(automatic=True)
    assert stripe.asked[-1] == {
        "amount": "1000", "currency": "usd", "customer": "cus_1", "payment_method": "pm_1",
        "off_session": "true", "confirm": "true", "metadata[payment]": payment.id,
    }  # fmt: skip
    assert stripe.headers[-1]["idempotency-key"] == payment.id
    assert balance(owner) == before + 10 * DOLLAR
    intent = {"id": "pi_2", "amount_received": 1000, "currency": "usd"}
    for _ in range(2):  # the event of the same
        assert tell("payment_intent.succeeded", metadata={"payment": payment.id}, **intent) == 200
    assert balance(owner) == before + 10 * DOLLAR


def test_a_declined_card_is_no_payment(owner: Person, stripe: ScriptedStripe) -> None:
    before, stripe.status = balance(owner), 402
    stripe.answer = {"error": {"code": "card_declined", "message": "Your card was declined."}}
    automatic.work()
    assert balance(owner) == before
    assert Payment.objects.get(automatic=True).state == Payment.State.FAILED
    assert AutoTopUp.objects.get().problem == "Your card was declined."


def test_a_charge_on_its_way_is_asked_after_and_not_made_again(
    owner: Person, stripe: ScriptedStripe
) -> None:
    before = balance(owner)
    stripe.answer = {"id": "pi_2", "status": "processing"}
    automatic.work()
    assert Payment.objects.get(automatic=True).state == Payment.State.OPEN
    AutoTopUp.objects.update(next_try_at=None)
    stripe.answer = {"id": "pi_2", "status": "succeeded"}
    automatic.work()
    assert stripe.paths[-1] == "/v1/payment_intents/pi_2"
    assert balance(owner) == before + 10 * DOLLAR


def test_a_checkout_told_again_brings_no_forgotten_card_back(owner: Person) -> None:
    automatic.switch_off(owner.organisation.id, owner.user.id, forget_card=True)
    assert completed() == 200
    auto = AutoTopUp.objects.get()
    assert (auto.customer, auto.method, auto.label) == ("", "", "")


def test_a_card_that_was_replaced_meanwhile_is_not_charged_a_second_time(
    owner: Person, stripe: ScriptedStripe
) -> None:
    stripe.status = 500  # charged, but the answer was lost
    automatic.work()
    AutoTopUp.objects.update(next_try_at=None, customer="cus_2", method="pm_2")
    stripe.status, stripe.answer = 400, {"error": {"type": "idempotency_error", "message": "Keys"}}
    automatic.work()
    payment = Payment.objects.get(automatic=True)
    assert payment.state == Payment.State.OPEN
    intent = {"id": "pi_2", "amount_received": 1000, "currency": "usd"}
    before = balance(owner)
    assert tell("payment_intent.succeeded", metadata={"payment": payment.id}, **intent) == 200
    assert balance(owner) == before + 10 * DOLLAR


def test_a_charge_that_takes_days_is_asked_after_until_it_ends(
    owner: Person, stripe: ScriptedStripe
) -> None:
    before = balance(owner)
    stripe.answer = {"id": "pi_2", "status": "processing"}
    automatic.work()
    Payment.objects.filter(automatic=True).update(created_at=timezone.now() - timedelta(days=3))
    AutoTopUp.objects.update(next_try_at=None)
    stripe.answer = {"id": "pi_2", "status": "succeeded"}
    automatic.work()
    assert balance(owner) == before + 10 * DOLLAR
    assert AutoTopUp.objects.get().is_on


def test_an_outage_is_no_answer(owner: Person, stripe: ScriptedStripe) -> None:
    stripe.status = 500
    automatic.work()
    payment = Payment.objects.get(automatic=True)
    AutoTopUp.objects.update(next_try_at=None)
    stripe.status, stripe.answer = 200, {"id": "pi_2", "status": "succeeded"}
    automatic.work()
    assert Payment.objects.get(automatic=True).state == Payment.State.PAID
    keys = [headers.get("idempotency-key") for headers in stripe.headers]
    assert keys[-2:] == [payment.id, payment.id]


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"amount_received": 999}, "refused"), ({"currency": "eur"}, "refused"), ({}, "paid")],
)
def test_an_event_pays_only_what_was_asked(
    owner: Person, stripe: ScriptedStripe, changes: dict[str, Any], state: str
) -> None:
    stripe.answer = {"id": "pi_2", "status": "processing"}
    automatic.work()
    payment = Payment.objects.get(automatic=True)
    intent = {"id": "pi_2", "amount_received": 1000, "currency": "usd", **changes}
    assert tell("payment_intent.succeeded", metadata={"payment": "pay_other"}, **intent) == 200
    assert tell("payment_intent.succeeded", metadata={"payment": payment.id}, **intent) == 200
    payment.refresh_from_db()
    assert payment.state == state


def test_the_digits_of_the_card_that_paid_are_kept(ada: Person, stripe: ScriptedStripe) -> None:
    payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "https://x/")
    stripe.answer = {**CARD, "customer": None}
    assert completed() == 200
    assert Payment.objects.get().card_last4 == "4242"
    assert not AutoTopUp.objects.exists()


@pytest.mark.parametrize(
    ("status", "method"), [(500, CARD["payment_method"]), (200, {"id": "pm_2", "type": "link"})]
)
def test_who_does_not_tell_the_card_is_credited_and_nothing_is_made_up(
    ada: Person, stripe: ScriptedStripe, status: int, method: dict[str, Any]
) -> None:
    payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "https://x/")
    before = balance(ada)
    stripe.status, stripe.answer = status, {**CARD, "payment_method": method}
    assert completed() == 200
    assert balance(ada) == before + DOLLAR
    assert Payment.objects.get().card_last4 == ""


def test_an_automatic_payment_has_the_digits_of_the_kept_card(
    owner: Person, stripe: ScriptedStripe
) -> None:
    stripe.answer = {"id": "pi_2", "status": "succeeded"}
    automatic.work()
    assert Payment.objects.get(automatic=True).card_last4 == "4242"
