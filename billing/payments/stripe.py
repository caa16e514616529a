"""Stripe Checkout over its HTTP API: a session to pay on, and events that we believe if signed.

https://docs.stripe.com/api/checkout/sessions/create and https://docs.stripe.com/webhooks/signature
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Final

import httpx

from api.errors import InvalidRequest, Unavailable
from billing.models import Payment, TopUp
from billing.payments.provider import Checkout

API_URL: Final = "https://api.stripe.com"
TOLERANCE: Final = 300
"""Seconds that a signature may be old, or ahead of our clock."""
_NANO_PER_CENT: Final = 10**7
_AWAY: Final = "The payment provider does not answer. Nothing was paid; try again in a minute."


@dataclass(frozen=True, slots=True)
class Stripe:
    secret_key: str
    api_url: str = API_URL

    @property
    def name(self) -> str:
        return TopUp.Provider.STRIPE.value

    def checkout(self, payment: Payment) -> Checkout:
        """A session for one payment; asked twice, Stripe answers with the same one."""
        fields = {
            "mode": "payment",
            "client_reference_id": payment.id,
            "success_url": payment.return_url,
            "cancel_url": payment.return_url,
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": str(cents(payment)),
            "line_items[0][price_data][product_data][name]": "Prepaid balance",
        }
        try:
            answer = httpx.post(
                f"{self.api_url}/v1/checkout/sessions",
                data=fields,
                headers={
                    "authorization": f"Bearer {self.secret_key}",
                    "idempotency-key": payment.id,
                },
                timeout=20,
            )
            answer.raise_for_status()
            session = answer.json()
            return Checkout(str(session["id"]), str(session["url"]))
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Unavailable(_AWAY) from error


def cents(payment: Payment) -> int:
    return payment.amount // _NANO_PER_CENT


def verify(body: bytes, header: str | None, secret: str, now: float | None = None) -> None:
    """Raises InvalidRequest unless `header` (Stripe-Signature) signs these bytes, lately."""
    parts = [part.partition("=") for part in (header or "").split(",")]
    moment = next((value for name, _, value in parts if name.strip() == "t"), "")
    given = [value for name, _, value in parts if name.strip() == "v1"]
    signed = f"{moment}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # Compared as bytes: what came over the wire may hold any character.
    if not secret or not any(
        hmac.compare_digest(expected.encode(), one.strip().encode()) for one in given
    ):
        raise InvalidRequest("This event is not signed with our webhook secret.")
    if not moment.isdecimal() or abs((now or time.time()) - int(moment)) > TOLERANCE:
        raise InvalidRequest("This event was signed too long ago. Check the server's clock.")
