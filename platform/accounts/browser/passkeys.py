"""Forms of passkeys: what a browser says of one is read as strictly as all JSON of strangers."""

from typing import Any, Final

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as allauth_forms
from cryptography.exceptions import InvalidSignature
from django import forms
from django.db import DataError
from django.forms.fields import InvalidJSONInput

from api import strict_json
from api.errors import ApiError

NO_PASSKEY: Final = (
    KeyError, IndexError, TypeError, AttributeError, ValueError, InvalidSignature, DataError,
)  # fmt: skip
"""What reading an answer ends with that no authenticator gives."""


class CredentialField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        try:
            strict_json.loads(str(value or "null").encode(errors="surrogatepass"))
        except ApiError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error
        return super().to_python(value)

    def bound_data(self, _data: Any, _initial: Any) -> Any:
        """The form that is shown again waits for another answer."""
        return InvalidJSONInput("")


class _AnsweredForm(allauth_forms.AuthenticateWebAuthnForm):
    credential = CredentialField(required=True, widget=forms.HiddenInput)

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except NO_PASSKEY as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AuthenticateForm(_AnsweredForm):
    """The second factor of who signs in."""


class LoginForm(_AnsweredForm, allauth_forms.LoginWebAuthnForm):
    """Signing in by a passkey alone."""


class ReauthenticateForm(_AnsweredForm, allauth_forms.ReauthenticateWebAuthnForm):
    """Once more, before what matters."""


class AddForm(allauth_forms.AddWebAuthnForm):
    credential = CredentialField(required=True, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = super().clean()
        except NO_PASSKEY as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return told
