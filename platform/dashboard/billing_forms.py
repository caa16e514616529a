"""Forms of the billing page: amounts are typed in dollars, and read exactly."""

import re
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.models import AutoTopUp
from dashboard.forms import Form

_CENTS_AFTER_A_COMMA: Final = re.compile(r"([0-9]+),([0-9]{1,2})")


class DollarField(forms.CharField):
    """Nano-dollars inside; None where it may be left empty."""

    def prepare_value(self, value: Any) -> Any:
        return pricing.usd(value) if isinstance(value, int) else value

    def clean(self, value: str | None) -> int | None:
        text = str(super().clean(value)).strip().removeprefix("$")
        if cents := _CENTS_AFTER_A_COMMA.fullmatch(text):
            text = f"{cents[1]}.{cents[2]}"
        if not text:
            self.validate("")  # of a lone $ nobody can be charged
            return None
        try:
            return pricing.nano(text)
        except ValueError as error:
            raise forms.ValidationError(_("Give dollars such as 12.50.")) from error


class TopUpForm(Form):
    amount = DollarField(label=_("Amount in $"), initial="10.00")
    saves_card = forms.BooleanField(
        label=_("Keep this card for automatic top-ups"), required=False, widget=forms.CheckboxInput
    )


class CodeForm(Form):
    code = forms.CharField(label=_("Credit code"), max_length=64)


class AlertForm(Form):
    low_balance = DollarField(
        label=_("Tell us below, in $"),
        required=False,
        help_text=_("A mail to owners, a banner here. Empty: never."),
    )


class CapForm(Form):
    spending_cap = DollarField(
        label=_("At most a month, in $"),
        required=False,
        help_text=_(
            "Of all chatbots and keys together, in a month of UTC. At four fifths you get a mail; "
            "when it is reached another, and calls are refused. Empty: the balance is the limit."
        ),
    )


class AutoForm(Form):
    below = DollarField(label=_("When the balance falls below, in $"), initial="5.00")
    amount = DollarField(
        label=_("Top up, in $"), initial="20.00", help_text=_("At least as much as the line.")
    )
    most_a_month = DollarField(label=_("At most a month, in $"), initial="100.00")

    @classmethod
    def of(cls, auto: AutoTopUp | None) -> "AutoForm":
        if auto is None or auto.below is None:
            return cls()
        return cls(initial={name: getattr(auto, name) for name in cls.base_fields})
