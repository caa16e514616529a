"""What Stripe tells us: believed when signed, credited when the amount is what was asked.

Events come late, twice and in any order. Each is a statement about one checkout, and all that they
can do is to pay an open payment, to expire it, or to take a payment back; each at most once.
"""

import logging
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext_noop
from pydantic import BaseModel, PositiveInt, ValidationError

from api.errors import InvalidRequest, Unavailable
from billing import payments
from billing.models import Payment, TopUp
from billing.payments import automatic, stripe, taking_back

log = logging.getLogger(__name__)

_PAID: Final = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
_ENDED: Final = {"checkout.session.expired", "checkout.session.async_payment_failed"}
_AUTOMATIC: Final = {"payment_intent.succeeded", "payment_intent.payment_failed"}
_DISPUTED: Final = {"charge.dispute.funds_withdrawn"}
_REFUNDED: Final = {"refund.created", "refund.updated", "refund.failed"}


class Session(BaseModel):
    """The fields of a Checkout session that count here."""

    id: str
    client_reference_id: str | None = None
    payment_status: str = ""
    payment_intent: str | None = None
    amount_total: int | None = None
    currency: str | None = None


class Intent(BaseModel):
    """Of a payment by a saved card: `metadata` has our name for it."""

    id: str
    amount_received: int = 0
    currency: str | None = None
    metadata: dict[str, str] = {}


class Dispute(BaseModel):
    id: str
    payment_intent: str | None = None


class Refund(BaseModel):
    id: str
    payment_intent: str | None = None
    amount: PositiveInt
    currency: str
    status: str | None = None


class EventData(BaseModel):
    object: dict[str, Any]


class Event(BaseModel):
    id: str
    type: str
    data: EventData


def receive(body: bytes, signature: str | None) -> None:
    """Raises InvalidRequest for what is not signed, or not an event."""
    stripe.verify(body, signature, settings.STRIPE_WEBHOOK_SECRET)
    try:
        event = Event.model_validate_json(body)
        if event.type in _PAID:
            _completed(Session.model_validate(event.data.object))
        elif event.type in _ENDED:
            _expired(Session.model_validate(event.data.object))
        elif event.type in _AUTOMATIC:
            _automatic(event.type, Intent.model_validate(event.data.object))
        elif event.type in _DISPUTED:
            _disputed(Dispute.model_validate(event.data.object))
        elif event.type in _REFUNDED:
            _refunded(Refund.model_validate(event.data.object))
    except ValidationError as error:
        raise InvalidRequest("This is no event of Stripe's.") from error


def _completed(session: Session) -> None:
    payment = _payment(session)
    if payment is None or session.payment_status != "paid":
        return  # not ours, or the bank has not said yes yet: another event will say so
    if session.currency != "usd" or session.amount_total != stripe.cents(payment):
        log.error("payment refused: another amount", extra={"payment": payment.id})
        payments.ended(payment, Payment.State.REFUSED)
        return
    payments.paid(payment, session.payment_intent or session.id)
    provider = payments.provider()
    if session.payment_intent and isinstance(provider, stripe.Stripe):
        _note_card(payment, session.payment_intent, provider)


def _note_card(payment: Payment, intent: str, provider: stripe.Stripe) -> None:
    """The card's digits for people, and the card itself where it may pay again."""
    try:
        card = provider.card_of(intent)
    except Unavailable:
        if payment.saves_card:
            raise  # told again, the card is asked for again
        log.warning("nobody knows which card paid", extra={"payment": payment.id})
        return
    payments.paid_by(payment, card.last4)
    if payment.saves_card:
        automatic.save_card(payment, card)


def _automatic(kind: str, intent: Intent) -> None:
    """Told as well as answered, for a charge that took its time."""
    ours = Payment.objects.filter(
        pk=intent.metadata.get("payment", ""), provider=TopUp.Provider.STRIPE, automatic=True
    ).first()
    if ours is None or ours.provider_ref not in {"", intent.id}:
        return
    if kind == "payment_intent.payment_failed":
        automatic.declined(ours, gettext_noop("The card was declined."))
    elif intent.currency == "usd" and intent.amount_received == stripe.cents(ours):
        automatic.paid(ours, intent.id)
    else:
        log.error("payment refused: another amount", extra={"payment": ours.id})
        payments.ended(ours, Payment.State.REFUSED)


def _expired(session: Session) -> None:
    if payment := _payment(session):
        payments.ended(payment, Payment.State.EXPIRED)


def _disputed(dispute: Dispute) -> None:
    """The payer's bank took the money back."""
    if dispute.payment_intent:
        taking_back.take(TopUp.Provider.STRIPE, dispute.id, dispute.payment_intent, None)


def _refunded(refund: Refund) -> None:
    """Somebody of ours gave it back in Stripe's dashboard; one on its way is told of again. The
    payer's bank may refuse it days after it has succeeded: it has failed then, for good."""
    if refund.payment_intent is None or refund.currency != "usd":
        return
    nano = refund.amount * payments.CENT
    if refund.status == "succeeded":
        taking_back.take(TopUp.Provider.STRIPE, refund.id, refund.payment_intent, nano)
    elif refund.status in {"failed", "canceled"}:
        taking_back.undo(refund.id, refund.payment_intent, nano)


def _payment(session: Session) -> Payment | None:
    """Ours by the id that we gave and by the one that Stripe gave, when we know it already."""
    ours = Payment.objects.filter(
        pk=session.client_reference_id or "", provider=TopUp.Provider.STRIPE
    ).first()
    if ours is None or ours.provider_ref not in {"", session.id}:
        return None
    return ours
