"""Stripe over its HTTP API: a session to pay on, a saved card, and events believed if signed.

https://docs.stripe.com/api/checkout/sessions/create, https://docs.stripe.com/payments/save-during-payment
and https://docs.stripe.com/webhooks/signature
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
from django.utils.translation import gettext_lazy, gettext_noop

from api.errors import InvalidRequest, Unavailable
from billing.models import Payment, TopUp
from billing.payments.provider import Card, Charge, Checkout, Declined

API_URL: Final = "https://api.stripe.com"
TOLERANCE: Final = 300
"""Seconds that a signature may be old, or ahead of our clock."""
_NANO_PER_CENT: Final = 10**7
_REFUSALS: Final = {HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND}
"""Answers to a charge after which nothing was taken: no such card, or one that declines."""
_AWAY: Final = gettext_lazy(
    "The payment provider does not answer. Nothing was paid; try again in a minute."
)


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
        if payment.saves_card:
            fields |= {
                "customer_creation": "always",
                "payment_intent_data[setup_future_usage]": "off_session",
            }
        session = self._ask("POST", "checkout/sessions", fields, payment.id)
        try:
            return Checkout(str(session["id"]), str(session["url"]))
        except KeyError as error:
            raise Unavailable(str(_AWAY)) from error

    def charge(self, payment: Payment, card: Card) -> Charge:
        """A PaymentIntent without its payer; known already, it is only looked at."""
        if payment.provider_ref:
            return _charge(self._ask("GET", f"payment_intents/{payment.provider_ref}"))
        fields = {
            "amount": str(cents(payment)),
            "currency": "usd",
            "customer": card.customer,
            "payment_method": card.method,
            "off_session": "true",
            "confirm": "true",
            "metadata[payment]": payment.id,
        }
        return _charge(self._ask("POST", "payment_intents", fields, payment.id))

    def card_of(self, intent: str) -> Card:
        """The card that a payment left with Stripe. Raises Unavailable."""
        paid = self._ask("GET", f"payment_intents/{intent}", {"expand[]": "payment_method"})
        try:
            method = paid["payment_method"]
            said = method.get("card") or {}
            label = f"{said.get('brand', method['type'])} {said.get('last4', '')}".strip()
            return Card(str(paid["customer"]), str(method["id"]), label.capitalize()[:60])
        except (KeyError, TypeError, AttributeError) as error:
            raise Unavailable(str(_AWAY)) from error

    def _ask(
        self, verb: str, path: str, fields: dict[str, str] | None = None, once: str = ""
    ) -> dict[str, Any]:
        """Raises Declined for what Stripe will never do, Unavailable for what nobody knows."""
        try:
            answer = httpx.request(
                verb,
                f"{self.api_url}/v1/{path}",
                headers={
                    "authorization": f"Bearer {self.secret_key}",
                    **({"idempotency-key": once} if once else {}),
                },
                params=fields if verb == "GET" else None,
                data=fields if verb == "POST" else None,
                timeout=20,
            )
            if answer.status_code in _REFUSALS and path == "payment_intents":
                _require_asked_alike(answer.json())
                raise Declined(_reason(answer.json()))
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(str(_AWAY)) from error
        return told


def _charge(intent: dict[str, Any]) -> Charge:
    """Raises Declined, Unavailable."""
    match intent.get("status"):
        case "succeeded":
            return Charge(str(intent["id"]), paid=True)
        case "processing":
            return Charge(str(intent["id"]), paid=False)
        case "requires_payment_method" | "requires_action" | "canceled":
            raise Declined(_reason({"error": intent.get("last_payment_error")}))
    raise Unavailable(str(_AWAY))


def _require_asked_alike(body: dict[str, Any]) -> None:
    """The card was replaced since this payment was asked for first: what became of that its event
    says. Raises Unavailable."""
    error = body.get("error")
    if isinstance(error, dict) and error.get("type") == "idempotency_error":
        raise Unavailable(str(_AWAY))


def _reason(body: dict[str, Any]) -> str:
    error = body.get("error")
    told = error.get("message") if isinstance(error, dict) else None
    return str(told or gettext_noop("The card was declined."))[:300]


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
