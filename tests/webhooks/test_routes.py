"""/v1/webhooks: made with a secret that shows once, changed, deleted, and a log of deliveries."""

from accounts import sealing
from accounts.models import AuditEntry, WebhookEndpoint
from accounts.webhooks import delivering, endpoints
from tests.accounts.conftest import ClientOf
from tests.cast import Person
from tests.webhooks.conftest import Receiver

NEW = {"url": "https://example.com/hook", "events": ["chatbot.message", "balance.low"]}


def test_the_secret_shows_once_and_lies_encrypted(ada: Person, client_of: ClientOf) -> None:
    http = client_of(ada.key)
    made = http.post("/v1/webhooks", NEW, format="json").json()
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["balance.low", "chatbot.message"]
    assert "secret" not in http.get(f"/v1/webhooks/{made['id']}").json()
    stored = WebhookEndpoint.objects.get().sealed_secret
    assert made["secret"] not in stored
    assert sealing.unseal(stored) == made["secret"]


def test_changes_and_deletion_are_written_down(ada: Person, client_of: ClientOf) -> None:
    http = client_of(ada.key)
    made = http.post("/v1/webhooks", NEW, format="json").json()
    path = f"/v1/webhooks/{made['id']}"
    assert http.patch(path, {"enabled": False}, format="json").json()["enabled"] is False
    assert http.delete(path).json()["deleted"] is True
    assert http.get(path).status_code == 404
    actions = AuditEntry.objects.filter(target=made["id"]).order_by("created_at")
    assert list(actions.values_list("action", flat=True)) == [
        "webhook.created", "webhook.changed", "webhook.deleted",
    ]  # fmt: skip


def test_wrong_ones_are_refused(ada: Person, client_of: ClientOf) -> None:
    http = client_of(ada.key)
    wrong = [
        {**NEW, "url": "http://example.com/"}, {**NEW, "url": "https://127.0.0.1/"},
        {**NEW, "events": []}, {**NEW, "events": ["all"]}, {**NEW, "secret": "mine"}, {},
    ]  # fmt: skip
    assert [http.post("/v1/webhooks", w, format="json").status_code for w in wrong] == [400] * 6
    for number in range(endpoints.MOST):
        http.post("/v1/webhooks", {**NEW, "description": str(number)}, format="json")
    assert http.post("/v1/webhooks", NEW, format="json").status_code == 400


def test_an_analyst_sees_no_webhooks(ben: Person, client_of: ClientOf) -> None:
    assert client_of(ben.key).get("/v1/webhooks").status_code == 403
    assert client_of(ben.key).post("/v1/webhooks", NEW, format="json").status_code == 403


def test_a_test_event_is_sent_and_stands_in_the_log(
    ada: Person, endpoint: WebhookEndpoint, receiver: Receiver, client_of: ClientOf
) -> None:
    http = client_of(ada.key)
    path = f"/v1/webhooks/{endpoint.id}/deliveries"
    sent = http.post(path).json()
    assert (sent["event"], sent["state"]) == ("webhook.test", "waiting")
    delivering.send_due()
    logged = http.get(path).json()["data"]
    assert [(one["id"], one["state"], one["status"]) for one in logged] == [
        (sent["id"], "delivered", 200)
    ]
    assert receiver.bodies == [sent["body"]]
