"""What templates say about joining: whether sign-up is open, and what one begins with."""

from dataclasses import dataclass

from django import template
from django.conf import settings

register = template.Library()
_NANO = 10**9
_CENT = 10**7


@dataclass(frozen=True, slots=True)
class Joining:
    is_open: bool
    credit: str
    """US dollars, as in "1.00"; empty: nothing."""


@register.simple_tag
def joining_policy() -> Joining:
    nano = settings.STARTER_CREDIT_NANO
    credit = f"{nano // _NANO}.{nano % _NANO // _CENT:02d}" if nano >= _CENT else ""
    return Joining(settings.SIGNUP == "open", credit)
