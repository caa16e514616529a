"""Deliveries: signed, sent once when they arrive, tried again when they do not, and given up on."""

import json
import socket
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks import delivering, emit, emit_to, endpoints, signing
from tests.cast import Person
from tests.webhooks.conftest import SECRET, Receiver

State = WebhookDelivery.State


def again(delivery: WebhookDelivery) -> WebhookDelivery:
    """The next attempt, without the wait."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    delivering.send_due()
    delivery.refresh_from_db()
    return delivery


def test_an_event_arrives_signed_and_once(delivery: WebhookDelivery, receiver: Receiver) -> None:
    assert (delivering.send_due(), delivering.send_due()) == (1, 0)
    headers = receiver.headers[0]
    assert receiver.bodies == [delivery.body]
    assert json.loads(delivery.body)["data"] == {"balance": "0.40"}
    expected = signing.headers(
        SECRET, delivery.id, int(headers["webhook-timestamp"]), receiver.bodies[0]
    )
    assert headers["webhook-signature"] == expected["webhook-signature"]
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.answer) == (State.DELIVERED, 200, "thanks")


def test_only_who_asked_for_an_event_is_told(
    ada: Person, mallory: Person, endpoint: WebhookEndpoint
) -> None:
    assert emit(ada.organisation.id, "chatbot.message", {}) == 0
    assert emit(mallory.organisation.id, "balance.low", {}) == 0
    endpoints.change(ada.organisation.id, endpoint.id, {"enabled": False}, "user_1")
    assert emit(ada.organisation.id, "balance.low", {}) == 0
    with pytest.raises(ValueError, match="no event"):
        emit(ada.organisation.id, "balance.high", {})


def test_what_fails_is_tried_again_under_the_same_id(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    receiver.status = 500
    delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.attempts) == (State.WAITING, 500, 1)
    assert delivery.next_attempt_at > timezone.now() + timedelta(seconds=10)
    assert delivering.send_due() == 0  # not yet
    receiver.status = 204
    assert again(delivery).state == State.DELIVERED
    assert {headers["webhook-id"] for headers in receiver.headers} == {delivery.id}


def test_pauses_grow_and_then_it_is_given_up(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.status = 503
    pauses = []
    for _attempt in range(len(delivering.PAUSES)):
        again(delivery)
        pauses.append(delivery.next_attempt_at - timezone.now())
    assert pauses == sorted(pauses)
    assert sum(delivering.PAUSES, timedelta()) > timedelta(hours=16)
    assert delivery.state == State.WAITING
    assert again(delivery).state == State.FAILED
    assert again(delivery).attempts == len(delivering.PAUSES) + 1


def test_who_is_gone_is_told_nothing_more(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.status = 410
    delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.endpoint.enabled) == (State.FAILED, False)


def test_a_redirect_is_not_followed(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, f"http://127.0.0.1:{receiver.port}/elsewhere"
    delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, len(receiver.bodies)) == (State.WAITING, 302, 1)


def test_a_long_answer_is_kept_short(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.answer = b"\0a" * 100_000
    delivering.send_due()
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert len(delivery.answer) <= 500


def test_nobody_at_the_address_is_tried_again(
    delivery: WebhookDelivery, endpoint: WebhookEndpoint
) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url="http://127.0.0.1:9/hook")
    delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status) == (State.WAITING, None)
    assert "No answer" in delivery.answer


def test_a_private_address_is_never_called(
    delivery: WebhookDelivery, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOKS_MAY_CALL_PRIVATE = False
    WebhookEndpoint.objects.update(url=f"https://localhost:{receiver.port}/hook")
    delivering.send_due()
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED
    assert "private or local" in delivery.answer
    assert not receiver.bodies


def test_a_worker_that_died_loses_the_row_and_another_sends_it(
    delivery: WebhookDelivery, receiver: Receiver
) -> None:
    claimed = WebhookDelivery.objects.due().claim()
    assert claimed is not None
    assert delivering.send_due() == 0
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert delivering.send_due() == 1
    delivering.attempt(claimed)  # the first one wakes up: it may send, it may not write
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 2)
    assert {headers["webhook-id"] for headers in receiver.headers} == {delivery.id}


def test_an_answer_that_trickles_is_left_when_the_time_is_up(
    delivery: WebhookDelivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "TIMEOUT", 0.3)
    receiver.pause, receiver.answer = 0.1, b"x" * 10_000  # a quarter of an hour
    delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == (State.WAITING, "No answer: TimeoutError")


def test_a_slow_receiver_keeps_only_its_own_organisation_waiting(
    delivery: WebhookDelivery,
    mallory: Person,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two of Ada's are older than Mallory's; the first of them takes too long."""
    monkeypatch.setattr(delivering, "SLOW", -1.0)
    second = emit_to(delivery.endpoint, "balance.low", {})
    other = WebhookEndpoint.objects.create(
        organisation=mallory.organisation, url=delivery.endpoint.url, events=[],
        sealed_secret=delivery.endpoint.sealed_secret,
    )  # fmt: skip
    theirs = emit_to(other, "balance.low", {})
    assert delivering.send_due() == 2
    assert [headers["webhook-id"] for headers in receiver.headers] == [delivery.id, theirs.id]
    delivering.send_due()
    assert receiver.headers[-1]["webhook-id"] == second.id


def test_a_name_that_is_not_known_now_is_asked_for_again(
    delivery: WebhookDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with monkeypatch.context() as resolver:
        resolver.setattr("socket.getaddrinfo", away)
        delivering.send_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == (State.WAITING, "The name 127.0.0.1 leads nowhere.")
    assert again(delivery).state == State.DELIVERED
