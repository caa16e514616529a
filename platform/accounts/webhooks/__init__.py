"""Telling an organisation's own servers what happened: events, written down now and sent later.

`emit` belongs into the transaction of what it tells of: a row for every endpoint that wants the
event; the worker sends them (webhooks.delivering), signed as standardwebhooks.com says.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from accounts.models import WebhookDelivery, WebhookEndpoint

EVENTS: Final[dict[str, str]] = {
    "balance.low": "The balance fell below the organisation's line.",
    "cap.near": "Four fifths of the month's spending cap are spent.",
    "cap.reached": "The month's spending cap is reached: calls are refused.",
    "topup.failed": "An automatic top-up was declined, or switched off after several.",
    "chatbot.message": "A chatbot has answered a visitor.",
    "chatbot.feedback": "A visitor has rated an answer.",
    "webhook.test": "Sent by hand, to see whether it arrives.",
}


def emit(organisation_id: str, event: str, data: Mapping[str, Any]) -> int:
    """How many endpoints will be told. `data` is JSON without secrets."""
    if event not in EVENTS:
        raise ValueError(f"{event} is no event of ours.")
    wanting = WebhookEndpoint.objects.for_organisation(organisation_id).wanting(event)
    rows = [_delivery(endpoint, event, data) for endpoint in wanting]
    WebhookDelivery.objects.bulk_create(rows)
    return len(rows)


def emit_to(endpoint: WebhookEndpoint, event: str, data: Mapping[str, Any]) -> WebhookDelivery:
    """To one endpoint, whether it asked for this event or not."""
    delivery = _delivery(endpoint, event, data)
    delivery.save(force_insert=True)
    delivery.refresh_from_db()
    return delivery


def _delivery(endpoint: WebhookEndpoint, event: str, data: Mapping[str, Any]) -> WebhookDelivery:
    body = {"type": event, "timestamp": datetime.now(UTC).isoformat(), "data": data}
    return WebhookDelivery(
        organisation_id=endpoint.organisation_id,
        endpoint=endpoint,
        event=event,
        body=json.dumps(body, separators=(",", ":")),
    )
