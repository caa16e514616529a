"""Forms that set a password: named and explained as the one that signs up."""

from typing import Any

from allauth.account import forms
from django.utils.translation import gettext_lazy as _

RULE = _("At least 8 characters, and no common word.")
LABELS = {
    "oldpassword": _("Password until now"),
    "password1": _("New password"),
    "password2": _("New password again"),
}


class _Named:
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & LABELS.keys():
            self.fields[name].label = LABELS[name]
        self.fields["password1"].help_text = RULE


class ChangeForm(_Named, forms.ChangePasswordForm):
    pass


class SetForm(_Named, forms.SetPasswordForm):
    """Of an account that has none yet."""


class ResetForm(_Named, forms.ResetPasswordKeyForm):
    """Behind the link of a mail."""
