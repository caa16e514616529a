"""The provider of development: a page of ours that says that no money moves, and two cards."""

from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_noop

from billing.models import Payment, TopUp
from billing.payments.provider import Card, Charge, Checkout, Declined

GOOD: Final = Card("", "test-good", "Test card 4242")
DECLINES: Final = Card("", "test-declines", "Test card that declines")


class Fake:
    name = TopUp.Provider.FAKE.value

    def checkout(self, payment: Payment) -> Checkout:
        return Checkout(payment.id, reverse("fake-checkout", args=[payment.id]))

    def charge(self, payment: Payment, card: Card) -> Charge:
        if card.method == DECLINES.method:
            raise Declined(gettext_noop("The test card declines every payment."))
        return Charge(payment.id, paid=True)
