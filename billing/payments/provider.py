"""What a payment provider is to us: a name, and a page to pay on."""

from dataclasses import dataclass
from typing import Protocol

from billing.models import Payment


@dataclass(frozen=True, slots=True)
class Checkout:
    """`url`: where the payer goes. `ref`: the provider's own name for it."""

    ref: str
    url: str


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    def checkout(self, payment: Payment) -> Checkout:
        """Raises Unavailable when the provider does not answer."""
        ...
