"""Sending what is due, one message at a time; tried again with growing pauses, for a day.

Every tenant's messages share the worker's time: a receiver gets TIMEOUT for its whole answer, and
an organisation whose receiver was slow waits for the next run.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
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
"""Seconds of a whole attempt, however its bytes trickle."""
SLOW: Final = 1.0
_MOST_KEPT: Final = 500
_MOST_READ: Final = 4096
_LONGEST_RUN: Final = 60.0
_OK: Final = range(200, 300)
_GONE: Final = 410
_at_work = threading.Lock()


def send_due(seconds: float = _LONGEST_RUN) -> int:
    """Send what is due, for so long at most; how many were tried.

    One call of a process works, others return: the worker's threads have more to do.
    """
    if not _at_work.acquire(blocking=False):
        return 0
    try:
        return _send(time.monotonic() + seconds)
    finally:
        _at_work.release()


def _send(end: float) -> int:
    tried, resting = 0, set[str]()
    while (begin := time.monotonic()) < end:
        due = WebhookDelivery.objects.due().exclude(organisation_id__in=resting)
        if (delivery := due.claim()) is None:
            break
        attempt(delivery)
        tried += 1
        if time.monotonic() - begin > SLOW:
            resting.add(delivery.organisation_id)
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
    except guard.NotFound as error:
        _try_later(delivery, None, str(error))
    except (httpx.HTTPError, TimeoutError) as error:
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
    """Status and the answer's beginning."""
    target = guard.resolve(delivery.endpoint.url)
    secret = sealing.unseal(delivery.endpoint.sealed_secret)
    headers = {
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "Smarter-Webhooks/1",
        "host": target.named,
        **signing.headers(secret, delivery.id, int(time.time()), delivery.body),
    }
    status, begin = asyncio.run(_asked(target, headers, delivery.body.encode()))
    return status, begin.decode("utf-8", "replace").replace("\0", "")


async def _asked(
    target: guard.Target, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    """No redirect is followed: it could lead anywhere. Raises HTTPError, TimeoutError."""
    async with (
        asyncio.timeout(TIMEOUT),
        httpx.AsyncClient(timeout=None, follow_redirects=False, trust_env=False) as client,  # noqa: S113 - the whole attempt has one
        client.stream(
            "POST",
            target.pinned_url,
            content=body,
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as answer,
    ):
        begin = b""
        async for piece in answer.aiter_raw():
            begin += piece
            if len(begin) >= _MOST_READ:
                break
        return answer.status_code, begin


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
