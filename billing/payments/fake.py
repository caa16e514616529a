"""The provider of development: a page of ours that says that no money moves."""

from django.urls import reverse

from billing.models import Payment, TopUp
from billing.payments.provider import Checkout


class Fake:
    name = TopUp.Provider.FAKE.value

    def checkout(self, payment: Payment) -> Checkout:
        return Checkout(payment.id, reverse("fake-checkout", args=[payment.id]))
