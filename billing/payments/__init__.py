"""Paying by a provider: begin a checkout, credit it once when the provider says that it is paid.

`begin` writes a Payment and asks the provider for a page to pay on. What the payer's browser says
afterwards counts for nothing: only `paid`, called by what the provider itself has signed, credits.
"""

from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organisation
from api.errors import InvalidRequest
from api.numbers import written
from billing import topping_up
from billing.models import Payment, TopUp
from billing.payments import fake, stripe, taking_back
from billing.payments.provider import Provider

CENT: Final = 10**7
"""Nano-dollars: no provider takes less."""
LEAST: Final = 1 * 10**9
MOST: Final = 10_000 * 10**9


def provider() -> Provider | None:
    """Stripe where it is set up, else the fake one of development, else none."""
    if settings.STRIPE_SECRET_KEY:
        return stripe.Stripe(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL)
    return None if settings.PRODUCTION else fake.Fake()


def begin(
    organisation_id: str, amount_nano: int, by: str, return_url: str, *, saves_card: bool = False
) -> str:
    """The address of the page to pay `amount_nano` on; the payer comes back to `return_url`.

    `by` is a user's or key's id; `return_url` a page of ours with scheme and host; `saves_card`
    leaves the card with the provider, for automatic top-ups (billing.payments.automatic).
    Raises InvalidRequest (no provider, not whole cents, too little or too much), Unavailable (the
    provider does not answer).
    """
    chosen = provider()
    if chosen is None:
        raise InvalidRequest(_("No payment provider is set up here. Redeem a credit code instead."))
    check_amount(amount_nano)
    payment = Payment.objects.create(
        organisation=Organisation.objects.get(pk=organisation_id),
        provider=chosen.name,
        amount=amount_nano,
        begun_by=by,
        return_url=return_url,
        saves_card=saves_card,
    )
    checkout = chosen.checkout(payment)
    Payment.objects.filter(pk=payment.pk).update(
        provider_ref=checkout.ref, checkout_url=checkout.url
    )
    if checkout.url.startswith("/"):
        return checkout.url
    # Our policy lets no form lead to another site, redirects included: a page of ours in between.
    return reverse("payment-leaving", args=[payment.id])


def check_amount(nano: int) -> None:
    """Raises InvalidRequest for what no provider takes."""
    if nano % CENT or not LEAST <= nano <= MOST:
        bounds = {"least": LEAST // 10**9, "most": written(MOST // 10**9)}
        said = _("Pay whole cents, from $%(least)s to $%(most)s.") % bounds
        raise InvalidRequest(said, param="amount")


@transaction.atomic
def paid(payment: Payment, ref: str) -> TopUp | None:
    """Credit a payment, once however often it is told; `ref` names it at the provider.

    None when it was refused before: nothing is credited behind the back of who looks into it.
    """
    payment = Payment.objects.select_for_update().select_related("organisation").get(pk=payment.pk)
    if payment.state == Payment.State.REFUSED:
        return None
    if payment.top_up is not None:
        return payment.top_up
    taking_back.wait_for(ref)
    top_up = topping_up.top_up(
        payment.organisation, payment.amount, ref, TopUp.Provider(payment.provider),
        actor=payment.begun_by,
    )  # fmt: skip
    payment.top_up, payment.state = top_up, Payment.State.PAID
    payment.save(update_fields=["top_up", "state"])
    taking_back.settle(top_up)
    Payment.objects.filter(pk=payment.pk).update(finished_at=Now())
    return top_up


def paid_by(payment: Payment, last4: str) -> None:
    """Which card it was, for people; empty where the provider does not tell."""
    Payment.objects.filter(pk=payment.pk).update(card_last4=last4)


def ended(payment: Payment, state: Payment.State) -> None:
    """It expired, or was refused; one that is paid stays so, whatever arrives late."""
    Payment.objects.filter(pk=payment.pk, state=Payment.State.OPEN).update(
        state=state, finished_at=Now()
    )


def receipts(organisation_id: str) -> list[Payment]:
    """Paid ones, the newest first, each with its top-up."""
    mine = Payment.objects.for_organisation(organisation_id).filter(state=Payment.State.PAID)
    return list(mine.select_related("top_up").order_by("-created_at", "id"))
