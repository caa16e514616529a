"""Automatic top-up: once a crossing, never beyond its month's limit, off after it failed often."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from api.errors import InvalidRequest, Unavailable
from billing import adjusting, auditing, payments
from billing.accounts import customer_account
from billing.models import AutoTopUp, Journal, Payment, TopUp
from billing.payments import automatic, fake
from billing.payments.provider import Card, Charge
from tests.cast import Person

DOLLAR = 10**9


def spend(person: Person, nano: int) -> None:
    ref = f"spent-{Journal.objects.count()}"
    if nano:
        adjusting.adjust(person.organisation, -nano, ref, actor="test", note="used")


def balance(person: Person) -> int:
    return customer_account(person.organisation.id).balance


def save_card(person: Person, *, declines: bool = False) -> None:
    """By the road of a person: a top-up of a dollar that keeps the card."""
    http = Client()
    http.force_login(person.user)
    address = payments.begin(
        person.organisation.id, DOLLAR, person.user.id, "/back", saves_card=True
    )
    assert b"A test card is kept" in http.get(address).content
    http.post(address, {"pay": "", **({"declines": "on"} if declines else {})})


def switch_on(
    person: Person, below: int = 5 * DOLLAR, amount: int = 10 * DOLLAR, most: int = 30 * DOLLAR
) -> None:
    automatic.switch_on(person.organisation.id, below, amount, most, person.user.id)


@pytest.fixture
def owner(ada: Person) -> Person:
    """With six dollars, a card, and a top-up of ten below five, thirty a month at most."""
    save_card(ada)
    spend(ada, balance(ada))
    adjusting.adjust(ada.organisation, 6 * DOLLAR, "six", actor="test", note="")
    switch_on(ada)
    return ada


def automatic_ones(state: Payment.State) -> int:
    return Payment.objects.filter(automatic=True, state=state).count()


def rest_is_over() -> None:
    AutoTopUp.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))


def test_a_crossing_is_paid_once(owner: Person) -> None:
    assert automatic.work() == 0
    spend(owner, DOLLAR)  # five: not below
    assert automatic.work() == 0
    spend(owner, 1)
    assert [automatic.work() for _ in range(3)] == [1, 0, 0]
    assert balance(owner) == 15 * DOLLAR - 1
    paid = Payment.objects.get(automatic=True)
    assert (paid.state, paid.begun_by, paid.amount) == ("paid", automatic.ACTOR, 10 * DOLLAR)
    assert paid.top_up is not None
    assert paid.top_up.journal.kind == Journal.Kind.TOP_UP
    assert AuditEntry.objects.filter(action="topup.created", target=paid.top_up_id).exists()
    assert auditing.audit().total == 0
    spend(owner, 11 * DOLLAR)
    assert automatic.work() == 1  # the next crossing
    assert automatic_ones(Payment.State.PAID) == 2


def test_the_database_has_one_at_a_time(owner: Person) -> None:
    fields = {
        "organisation": owner.organisation, "provider": "fake", "amount": DOLLAR,
        "begun_by": "x", "automatic": True,
    }  # fmt: skip
    Payment.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(**fields)


def test_the_months_limit_stops_it_and_is_told_once(
    owner: Person, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for _ in range(5):
        spend(owner, balance(owner))
        with django_capture_on_commit_callbacks(execute=True):
            automatic.work()
        rest_is_over()
    assert automatic.spent_this_month(owner.organisation.id) == 30 * DOLLAR
    assert automatic_ones(Payment.State.PAID) == 3
    told = [letter for letter in mail.outbox if "reached its limit" in letter.subject]
    assert [letter.to for letter in told] == [[owner.user.email]]
    assert "$30.00 a month" in told[0].body
    Payment.objects.filter(automatic=True).update(created_at=timezone.now() - timedelta(days=32))
    assert automatic.work() == 1  # a month later


def test_a_raised_limit_counts_at_once(owner: Person) -> None:
    switch_on(owner, most=10 * DOLLAR)
    for _ in range(2):
        spend(owner, balance(owner))
        automatic.work()
    assert balance(owner) == 0
    switch_on(owner, most=20 * DOLLAR)
    assert automatic.work() == 1


def test_a_card_that_declines_is_tried_three_times_then_it_is_off(
    ada: Person, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    hook = WebhookEndpoint.objects.create(
        organisation=ada.organisation, url="https://hooks.example", events=["topup.failed"]
    )
    save_card(ada, declines=True)
    switch_on(ada)
    before = balance(ada)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(5):
            automatic.work()
            assert automatic.work() == 0  # not before the wait is over
            rest_is_over()
    assert balance(ada) == before
    assert automatic_ones(Payment.State.FAILED) == 3
    auto = AutoTopUp.objects.get()
    assert (auto.is_on, auto.failures, auto.was_stopped) == (False, 3, True)
    assert auto.problem == "The test card declines every payment."
    subjects = [letter.subject for letter in mail.outbox]
    assert [("failed" in s, "switched off" in s) for s in subjects] == [
        (True, False), (True, False), (False, True)
    ]  # fmt: skip
    assert WebhookDelivery.objects.filter(endpoint=hook, event="topup.failed").count() == 3
    save_card(ada)  # a card that works
    switch_on(ada)
    assert automatic.work() == 1
    assert AutoTopUp.objects.get().problem == ""


def test_an_answer_that_never_came_is_asked_for_again_by_the_same_name(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def charge(_self: fake.Fake, payment: Payment, _card: Card) -> Charge:
        asked.append(payment.id)
        if len(asked) == 1:
            raise Unavailable("The line was cut.")
        return Charge(payment.id, paid=True)

    monkeypatch.setattr(fake.Fake, "charge", charge)
    spend(owner, 2 * DOLLAR)
    assert automatic.work() == 1
    assert automatic_ones(Payment.State.OPEN) == 1
    automatic.switch_off(owner.organisation.id, owner.user.id)  # it is seen to all the same
    rest_is_over()
    assert automatic.work() == 1
    assert len(set(asked)) == 1
    assert balance(owner) == 14 * DOLLAR


def test_what_nobody_knows_of_for_long_is_not_charged_again(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_arguments: object) -> Charge:
        raise Unavailable("The line was cut.")

    monkeypatch.setattr(fake.Fake, "charge", cut)
    spend(owner, 2 * DOLLAR)
    automatic.work()
    Payment.objects.filter(automatic=True).update(created_at=timezone.now() - timedelta(hours=21))
    rest_is_over()
    assert automatic.work() == 0
    assert automatic_ones(Payment.State.REFUSED) == 1
    assert AutoTopUp.objects.get().was_stopped


def test_nothing_is_charged_for_a_suspended_team(owner: Person) -> None:
    spend(owner, 2 * DOLLAR)
    owner.organisation.suspended_at = timezone.now()
    owner.organisation.save()
    assert automatic.work() == 0


@pytest.mark.parametrize(
    ("below", "amount", "most"),
    [(0, 10, 10), (11, 10, 10), (5, 10, 9), (5, 0, 10), (5, 10_001, 20_000), (5, 10, 100_001)],
)
def test_amounts_that_do_not_fit_are_refused(
    owner: Person, below: int, amount: int, most: int
) -> None:
    with pytest.raises(InvalidRequest):
        switch_on(owner, below * DOLLAR, amount * DOLLAR, most * DOLLAR)


def test_it_needs_a_card(ada: Person) -> None:
    with pytest.raises(InvalidRequest, match="Save a card first"):
        switch_on(ada)
    save_card(ada)
    switch_on(ada)
    automatic.switch_off(ada.organisation.id, ada.user.id, forget_card=True)
    with pytest.raises(InvalidRequest, match="Save a card first"):
        switch_on(ada)
    actions = AuditEntry.objects.filter(action="auto_topup.changed").order_by("created_at")
    assert [(entry.after or {})["on"] for entry in actions] == [True, False]


def test_a_payment_without_the_tick_keeps_no_card(ada: Person) -> None:
    http = Client()
    http.force_login(ada.user)
    http.post(payments.begin(ada.organisation.id, DOLLAR, ada.user.id, "/back"), {"pay": ""})
    assert TopUp.objects.filter(payment__isnull=False).exists()
    assert not AutoTopUp.objects.exists()


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Between the moment in which one is found due, and its payment."""
    payment_of = automatic._payment

    def later(auto: AutoTopUp) -> Payment | None:
        what()
        return payment_of(auto)

    monkeypatch.setattr(automatic, "_payment", later)


def test_a_payment_that_ends_while_it_is_asked_after_is_not_followed_by_another(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake.Fake, "charge", lambda *_: Charge("on its way", paid=False))
    spend(owner, 2 * DOLLAR)
    assert automatic.work() == 1
    rest_is_over()
    known = Payment.objects.get(automatic=True)
    meanwhile(monkeypatch, lambda: automatic.paid(known, "on its way"))
    assert automatic.work() == 0
    assert balance(owner) == 14 * DOLLAR
    assert Payment.objects.filter(automatic=True).count() == 1


def test_who_switches_it_off_in_that_moment_pays_nothing(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(owner, 2 * DOLLAR)
    mine = owner.organisation.id
    meanwhile(monkeypatch, lambda: automatic.switch_off(mine, owner.user.id))
    assert automatic.work() == 0
    assert not Payment.objects.filter(automatic=True).exists()
