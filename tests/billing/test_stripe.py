"""Stripe: what is asked of it, and which of its events are believed, how often, in which order."""

import json
import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Organisation
from api.errors import Unavailable
from billing import adjusting, auditing, payments
from billing.accounts import customer_account
from billing.models import Payment, TopUp
from tests.billing.scripted_stripe import ScriptedStripe, event, signature
from tests.cast import Person

DOLLAR = 10**9


@pytest.fixture
def payment(ada: Person, stripe: ScriptedStripe) -> Payment:
    payments.begin(ada.organisation.id, 12 * DOLLAR, ada.user.id, "https://site.example/billing")
    return Payment.objects.get()


def balance(payment: Payment) -> int:
    return customer_account(payment.organisation_id).available


def tell(body: bytes, header: str | None = None) -> int:
    sent = Client().post(
        "/payments/stripe/events",
        body,
        content_type="application/json",
        headers={"stripe-signature": header if header is not None else signature(body)},
    )
    return sent.status_code


def completed(payment: Payment, **changes: Any) -> bytes:
    fields = {
        "id": payment.provider_ref, "client_reference_id": payment.id, "payment_status": "paid",
        "payment_intent": "pi_1", "amount_total": 1200, "currency": "usd",
    }  # fmt: skip
    return event("checkout.session.completed", **{**fields, **changes})


def test_a_checkout_asks_for_the_exact_cents_and_names_the_payment(
    payment: Payment, stripe: ScriptedStripe
) -> None:
    asked, headers = stripe.asked[0], stripe.headers[0]
    assert asked["line_items[0][price_data][unit_amount]"] == "1200"
    assert asked["line_items[0][price_data][currency]"] == "usd"
    assert asked["client_reference_id"] == payment.id
    assert asked["success_url"] == "https://site.example/billing"
    assert headers["authorization"] == "Bearer sk_test_1"
    assert headers["idempotency-key"] == payment.id
    assert (payment.provider, payment.provider_ref) == ("stripe", "cs_test_1")


def test_a_page_of_ours_leads_on_to_it(payment: Payment, ada: Person) -> None:
    http = Client()
    http.force_login(ada.user)
    page = http.get(f"/payments/{payment.id}/leaving").content.decode()
    assert f'content="0; url={payment.checkout_url}"' in page


def test_a_stripe_that_is_away_is_named_and_nothing_is_owed(
    ada: Person, stripe: ScriptedStripe
) -> None:
    stripe.status = 500
    with pytest.raises(Unavailable, match="Nothing was paid"):
        payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "https://site.example/")


def test_a_paid_session_credits_once_however_often_it_is_told(payment: Payment) -> None:
    before = balance(payment)
    for _delivery in range(3):
        assert tell(completed(payment)) == 200
    assert tell(completed(payment).replace(b"completed", b"async_payment_succeeded")) == 200
    assert tell(completed(payment, payment_intent="pi_2")) == 200  # the payment counts, not this
    assert balance(payment) - before == 12 * DOLLAR
    assert TopUp.objects.get(provider="stripe").ref == "pi_1"


def test_what_is_not_signed_counts_for_nothing(payment: Payment) -> None:
    body, before = completed(payment), balance(payment)
    forged = [
        "",
        "t=1,v1=00",
        signature(body, secret="whsec_of_another"),
        signature(b"other bytes"),
        signature(body, at=time.time() - 3600),
        signature(body, at=time.time() + 3600),
        signature(body).replace("v1=", "v0="),
        "t=,v1=é",
    ]
    assert [tell(body, header) for header in forged] == [400] * len(forged)
    assert balance(payment) == before


def test_the_same_words_in_other_bytes_are_not_what_was_signed(payment: Payment) -> None:
    body = completed(payment)
    assert tell(json.dumps(json.loads(body), indent=1).encode(), signature(body)) == 400


def test_an_empty_secret_believes_nobody(payment: Payment, settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    body = completed(payment)
    assert tell(body, signature(body, secret="")) == 400


@pytest.mark.parametrize(
    "changes", [{"amount_total": 1}, {"amount_total": None}, {"currency": "eur"}]
)
def test_another_amount_than_asked_is_refused_for_good(
    payment: Payment, changes: dict[str, Any]
) -> None:
    before = balance(payment)
    assert tell(completed(payment, **changes)) == 200  # told again it would be the same
    assert tell(completed(payment)) == 200
    payment.refresh_from_db()
    assert payment.state == Payment.State.REFUSED
    assert balance(payment) == before


def test_events_in_any_order_end_in_the_same(payment: Payment) -> None:
    before = balance(payment)
    expired = event(
        "checkout.session.expired", id=payment.provider_ref, client_reference_id=payment.id
    )
    assert tell(completed(payment, payment_status="unpaid")) == 200
    assert balance(payment) == before
    assert tell(expired) == 200
    assert tell(completed(payment)) == 200
    assert tell(expired) == 200
    payment.refresh_from_db()
    assert (payment.state, balance(payment) - before) == ("paid", 12 * DOLLAR)


def test_a_session_of_another_payment_pays_nothing(payment: Payment) -> None:
    before = balance(payment)
    assert tell(completed(payment, id="cs_of_another")) == 200
    assert tell(completed(payment, client_reference_id="pay_unknown")) == 200
    assert tell(completed(payment, client_reference_id=None)) == 200
    assert balance(payment) == before


def test_an_event_that_comes_before_we_know_the_session_is_credited(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(provider_ref="")
    before = balance(payment)
    assert tell(completed(payment)) == 200
    assert balance(payment) - before == 12 * DOLLAR


def test_money_that_the_bank_takes_back_leaves_the_balance_once(payment: Payment) -> None:
    before = balance(payment)
    tell(completed(payment))
    disputed = event("charge.dispute.funds_withdrawn", id="dp_1", payment_intent="pi_1")
    for _delivery in range(2):
        assert tell(disputed) == 200
    assert balance(payment) == before
    assert Organisation.objects.get(pk=payment.organisation_id).suspended_at is None


def refund(cents: int, status: str = "succeeded", **changes: Any) -> bytes:
    fields = {"payment_intent": "pi_1", "amount": cents, "currency": "usd", "status": status}
    return event("refund.updated", **{"id": f"re_{cents}", **fields, **changes})


def test_what_is_taken_back_before_the_payment_is_known_is_taken_when_it_is(
    payment: Payment,
) -> None:
    before = balance(payment)
    for _delivery in range(2):
        assert tell(refund(200)) == 200
    assert tell(completed(payment)) == 200
    assert balance(payment) - before == 10 * DOLLAR
    disputed = event("charge.dispute.funds_withdrawn", id="dp_1", payment_intent="pi_1")
    for told in (disputed, completed(payment), refund(200), disputed):
        assert tell(told) == 200
    assert balance(payment) == before


def test_a_dispute_before_the_payment_is_no_credit(payment: Payment) -> None:
    before = balance(payment)
    disputed = event("charge.dispute.funds_withdrawn", id="dp_1", payment_intent="pi_1")
    assert tell(disputed) == tell(completed(payment)) == 200
    assert balance(payment) == before
    assert auditing.audit().total == 0


def test_a_refund_takes_what_is_left_and_counts_only_when_it_has_succeeded(
    payment: Payment,
) -> None:
    tell(completed(payment))
    after = balance(payment)
    for told in (refund(100, "pending"), refund(100, currency="eur"), refund(99, "failed")):
        assert tell(told) == 200
    assert balance(payment) == after
    adjusting.adjust(payment.organisation, DOLLAR // 2 - after, "s", actor="test", note="spent")
    assert tell(refund(100)) == 200
    assert balance(payment) == 0
    assert Organisation.objects.get(pk=payment.organisation_id).suspended_at is None


def test_a_refund_that_fails_after_it_has_succeeded_is_given_back_once(payment: Payment) -> None:
    tell(completed(payment))
    paid = balance(payment)
    adjusting.adjust(payment.organisation, DOLLAR - paid, "s", actor="test", note="spent")
    tell(refund(300))
    assert balance(payment) == 0  # two dollars of it are written off
    for _delivery in range(2):
        assert tell(refund(300, "failed")) == 200
    assert tell(refund(300)) == 200  # late
    assert balance(payment) == DOLLAR
    assert tell(refund(1200, id="re_all")) == 200  # all of it can be refunded again
    assert balance(payment) == 0
    assert auditing.audit().total == 0


def test_a_refund_whose_failure_is_told_first_takes_nothing(payment: Payment) -> None:
    before = balance(payment)
    for told in (refund(100, "failed"), refund(100), completed(payment), refund(100)):
        assert tell(told) == 200
    assert balance(payment) - before == 12 * DOLLAR


def test_refunds_and_disputes_of_other_sites_payments_do_nothing(payment: Payment) -> None:
    before = balance(payment)
    assert tell(refund(100, payment_intent="pi_of_another")) == 200
    assert tell(completed(payment)) == 200
    assert balance(payment) - before == 12 * DOLLAR


def test_what_is_signed_and_no_event_is_refused_and_others_are_ignored(payment: Payment) -> None:
    for body in (b"{}", b"[]", b"nothing", event("checkout.session.completed", id=7)):
        assert tell(body) == 400
    assert tell(event("invoice.paid", id="in_1")) == 200
    assert Client().get("/payments/stripe/events").status_code == 405
