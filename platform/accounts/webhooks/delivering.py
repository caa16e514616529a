"""Sending what is due, one message at a time; tried again with growing pauses, for a day."""

import time
from datetime import timedelta
from typing import Final

import httpx
from django.db.models.functions import Now

from accounts import sealing
from accounts.models import WebhookDelivery
from accounts.webhooks import guard, signing

PAUSES: Final = tuple(
    timedelta(seconds=seconds) for seconds in (15, 60, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600)
)
"""After the first attempt, the second, and so on; after the last pause one more, then never."""
TIMEOUT: Final = 10.0
_MOST_KEPT: Final = 500
_MOST_READ: Final = 4096
_LONGEST_RUN: Final = 60.0
_OK: Final = range(200, 300)
_GONE: Final = 410


def send_due(seconds: float = _LONGEST_RUN) -> int:
    """Send what is due, for so long at most; how many were tried."""
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end and (delivery := WebhookDelivery.objects.due().claim()):
        attempt(delivery)
        tried += 1
    return tried


def attempt(delivery: WebhookDelivery) -> None:
    """One try of a claimed delivery; what came of it is written down."""
    endpoint = delivery.endpoint
    if not endpoint.enabled:
        _finish(delivery, WebhookDelivery.State.FAILED, None, "The endpoint is switched off.")
        return
    try:
        status, answer = _post(delivery)
    except guard.NotAllowed as error:
        _finish(delivery, WebhookDelivery.State.FAILED, None, str(error))
    except httpx.HTTPError as error:
        _try_later(delivery, None, f"No answer: {type(error).__name__}")
    else:
        if status in _OK:
            _finish(delivery, WebhookDelivery.State.DELIVERED, status, answer)
        elif status == _GONE:
            endpoint.enabled = False
            endpoint.save(update_fields=["enabled"])
            _finish(delivery, WebhookDelivery.State.FAILED, status, answer)
        else:
            _try_later(delivery, status, answer)


def _post(delivery: WebhookDelivery) -> tuple[int, str]:
    """Status and the answer's beginning. No redirect is followed: it could lead anywhere."""
    target = guard.resolve(delivery.endpoint.url)
    secret = sealing.unseal(delivery.endpoint.sealed_secret)
    headers = {
        "content-type": "application/json",
        "user-agent": "Smarter-Webhooks/1",
        "host": target.url.netloc.rpartition("@")[2],
        **signing.headers(secret, delivery.id, int(time.time()), delivery.body),
    }
    with (
        httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            target.pinned_url,
            content=delivery.body.encode(),
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as answer,
    ):
        begin = b""
        for piece in answer.iter_bytes():
            begin += piece
            if len(begin) >= _MOST_READ:
                break
        return answer.status_code, begin.decode("utf-8", "replace").replace("\0", "")


def _finish(
    delivery: WebhookDelivery, state: WebhookDelivery.State, status: int | None, answer: str
) -> None:
    delivery.release(state=state, status=status, answer=answer[:_MOST_KEPT], finished_at=Now())


def _try_later(delivery: WebhookDelivery, status: int | None, answer: str) -> None:
    if delivery.attempts > len(PAUSES):
        _finish(delivery, WebhookDelivery.State.FAILED, status, answer)
        return
    delivery.release(
        status=status,
        answer=answer[:_MOST_KEPT],
        next_attempt_at=Now() + PAUSES[delivery.attempts - 1],
    )
