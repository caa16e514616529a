"""Webhooks in the dashboard: an address is added, its secret shows once, its log tells."""

import re

import pytest
from django.test import Client

from accounts import sealing
from accounts.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from tests.cast import Person

GIVEN = {"url": "https://shop.example/hook", "events": ["chatbot.message"], "description": "Shop"}


def at(person: Person, path: str = "") -> str:
    return f"/dashboard/{person.organisation.slug}/webhooks{path}"


@pytest.fixture
def endpoint(as_ada: Client, ada: Person) -> WebhookEndpoint:
    as_ada.post(at(ada), GIVEN)
    return WebhookEndpoint.objects.get(organisation=ada.organisation)


def test_the_secret_stands_in_the_answer_to_the_form_and_never_again(
    as_ada: Client, ada: Person
) -> None:
    shown = as_ada.post(at(ada), GIVEN).content.decode()
    secret = re.search(r"whsec_[^<]+", shown)
    made = WebhookEndpoint.objects.get(organisation=ada.organisation)
    assert secret is not None
    assert sealing.unseal(made.sealed_secret) == secret[0]
    assert made.events == ["chatbot.message"]
    for path in ("", f"/{made.id}"):
        page = as_ada.get(at(ada, path)).content.decode()
        assert "https://shop.example/hook" in page
        assert "whsec_" not in page


def test_an_address_that_may_not_be_called_is_said_at_its_field(
    as_ada: Client, ada: Person
) -> None:
    refused = as_ada.post(at(ada), {**GIVEN, "url": "ftp://shop.example"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["url"]
    assert not WebhookEndpoint.objects.exists()


def test_what_is_changed_is_kept_and_written_down(
    as_ada: Client, ada: Person, endpoint: WebhookEndpoint
) -> None:
    events = ["balance.low", "chatbot.feedback"]
    as_ada.post(at(ada, f"/{endpoint.id}"), {**GIVEN, "events": events})
    endpoint.refresh_from_db()
    assert (endpoint.events, endpoint.enabled) == (events, False)  # the box was not ticked
    assert AuditEntry.objects.filter(action="webhook.changed", target=endpoint.id).exists()


def test_a_new_secret_replaces_the_old_one(
    as_ada: Client, ada: Person, endpoint: WebhookEndpoint
) -> None:
    before = sealing.unseal(endpoint.sealed_secret)
    shown = as_ada.post(at(ada, f"/{endpoint.id}/secret")).content.decode()
    endpoint.refresh_from_db()
    after = sealing.unseal(endpoint.sealed_secret)
    assert after != before
    assert after in shown


def test_a_test_message_stands_in_the_log(
    as_ada: Client, ada: Person, endpoint: WebhookEndpoint
) -> None:
    as_ada.post(at(ada, f"/{endpoint.id}/test"))
    log = as_ada.get(at(ada, f"/{endpoint.id}?state=waiting"))
    assert [sent.event for sent in log.context["page"].rows] == ["webhook.test"]
    assert as_ada.get(at(ada, f"/{endpoint.id}?state=failed")).context["page"].rows == []


def test_a_failed_message_is_sent_again_under_its_id_and_another_is_not(
    as_ada: Client, ada: Person, endpoint: WebhookEndpoint
) -> None:
    as_ada.post(at(ada, f"/{endpoint.id}/test"))
    sent = WebhookDelivery.objects.get(endpoint=endpoint)
    retry = at(ada, f"/{endpoint.id}/deliveries/{sent.id}/retry")
    assert as_ada.post(retry).status_code == 404  # it waits for its first try
    WebhookDelivery.objects.update(state="failed", attempts=8)
    assert as_ada.post(retry).status_code == 302
    sent.refresh_from_db()
    assert (sent.state, sent.attempts) == ("waiting", 0)
    assert WebhookDelivery.objects.due().filter(pk=sent.id).exists()


def test_a_deleted_webhook_takes_its_log_along(
    as_ada: Client, ada: Person, endpoint: WebhookEndpoint
) -> None:
    as_ada.post(at(ada, f"/{endpoint.id}/test"))
    as_ada.post(at(ada, f"/{endpoint.id}/delete"))
    assert not WebhookDelivery.objects.exists()


def test_strangers_and_analysts_find_nothing(
    as_ben: Client, ben: Person, mallory: Person, endpoint: WebhookEndpoint
) -> None:
    assert as_ben.get(at(ben)).status_code == 403
    theirs = Client()
    theirs.force_login(mallory.user)
    assert theirs.get(at(mallory, f"/{endpoint.id}")).status_code == 404
    for verb in ("secret", "test", "delete"):
        assert theirs.post(at(mallory, f"/{endpoint.id}/{verb}")).status_code == 404
