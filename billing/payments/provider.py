"""What a payment provider is to us: a page to pay on, and a card that it keeps for later."""

from dataclasses import dataclass
from typing import Protocol

from billing.models import Payment


@dataclass(frozen=True, slots=True)
class Checkout:
    """`url`: where the payer goes. `ref`: the provider's own name for it."""

    ref: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card that the provider keeps: its names there, and its `label` for people."""

    customer: str
    method: str
    label: str

    @property
    def last4(self) -> str:
        """Of its number, where its label ends with them."""
        digits = self.label.rpartition(" ")[2]
        return digits if len(digits) == 4 and digits.isdecimal() else ""  # noqa: PLR2004 - as named


@dataclass(frozen=True, slots=True)
class Charge:
    """`ref`: the provider's own name for it. Not `paid`: it is on its way, ask again."""

    ref: str
    paid: bool


class Declined(Exception):
    """The card was not charged, and will not be for this payment; the message is for people."""


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    def checkout(self, payment: Payment) -> Checkout:
        """Raises Unavailable when the provider does not answer."""
        ...

    def charge(self, payment: Payment, card: Card) -> Charge:
        """Take the payment from a saved card, once however often it is asked.

        Raises Declined, or Unavailable: then nobody knows whether it was charged.
        """
        ...
