"""Forms of accounts in the browser: signing up, one's profile, deleting one's account."""

from typing import Any, Final, cast

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import names, registration
from accounts.browser import welcome
from accounts.browser.passwords import RULE
from accounts.models import User
from api import addresses


class LoginForm(AllauthLoginForm):
    """What is wrong stands beside the password, where it is mended."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Email")
        self.fields["password"].help_text = ""
        _begin_at(self, "login")

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call] # untyped there
        except forms.ValidationError as error:
            self.add_error("password", error)
            return self.cleaned_data
        return cleaned


class SignupForm(AllauthSignupForm):
    """Address, password and the organisation to be made; who is invited needs no organisation."""

    organisation = forms.CharField(
        label=_("Organisation"),
        max_length=names.LONGEST,
        validators=[names.require_name],
        help_text=_("The team that owns your chatbots. You can rename it."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ["email", "password1", "organisation"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = RULE
        _begin_at(self, "email")
        self.invitation = welcome.invitation_of(context.request)
        if self.invitation is not None:
            del self.fields["organisation"]
            self.initial["email"] = self.invitation.email

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if self.invitation is not None and email != self.invitation.email:
            raise forms.ValidationError(
                _("The invitation is for %(email)s."), params={"email": self.invitation.email}
            )
        return email

    def custom_signup(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().custom_signup(request, user)
        if self.invitation is None:
            registration.found_organisation(
                self.cleaned_data["organisation"], cast("User", user), addresses.of_request(request)
            )


THEMES: Final = (
    (User.Theme.SYSTEM, _("As this device")),
    (User.Theme.LIGHT, _("Light")),
    (User.Theme.DARK, _("Dark")),
)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs only
    class Meta:
        model = User
        fields = ("name", "theme", "language")
        labels = {"name": _("Name"), "theme": _("Theme"), "language": _("Language")}
        help_texts = {"name": _("Shown to your team."), "language": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["theme"] = forms.ChoiceField(label=_("Theme"), choices=THEMES)
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"),
            required=False,
            choices=[("", _("As the browser")), *settings.LANGUAGES],
        )


class LeavingForm(forms.Form):
    """Deleting is confirmed by typing what is deleted."""

    email = forms.CharField(
        label=_("Type your email address"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = email

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"].strip().lower()
        if typed != self.expected:
            raise forms.ValidationError(_("This is not the address of this account."))
        return typed


def _begin_at(form: forms.Form, name: str) -> None:
    """Where a person types first, while nothing is wrong yet."""
    if not form.is_bound:
        form.fields[name].widget.attrs["autofocus"] = True
