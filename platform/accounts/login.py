"""Signing in to the administration: slowed down for guessers, written down for everybody."""

from typing import Any, Final

from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError
from django.urls import reverse
from unfold.forms import AuthenticationForm

from accounts.models import AuditEntry
from api import addresses
from api.errors import RateLimited
from api.rate_limits import Limits, take_request

EACH_ADDRESS: Final = Limits(requests_per_minute=20, tokens_per_minute=1)
EACH_ACCOUNT: Final = Limits(requests_per_minute=10, tokens_per_minute=1)

SECOND_FACTOR: Final = "This account has a second factor. Sign in at %s, then come back here."


class LoginForm(AuthenticationForm):
    """Django's own form with a limit for each address and each account, and an audit entry.

    It asks for no second factor: whoever has one signs in where it is asked for. The session is
    the same, so that the administration opens afterwards.
    """

    def clean(self) -> dict[str, Any]:
        email = str(self.cleaned_data.get("username", "")).strip().lower()
        address = addresses.of_request(self.request) if self.request else None
        try:
            take_request(f"login from {address}", EACH_ADDRESS)
            take_request(f"login as {email}", EACH_ACCOUNT)
        except RateLimited as error:
            raise ValidationError("Too many attempts. Wait a minute and try again.") from error
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            _record("login.failed", email, address)
            raise
        if is_mfa_enabled(self.get_user()):
            _record("login.second_factor_asked", email, address)
            raise ValidationError(SECOND_FACTOR % reverse("account_login"))
        _record("login.succeeded", email, address)
        return cleaned


def _record(action: str, email: str, address: str | None) -> None:
    AuditEntry.objects.create(actor=email[:254], action=action, target="admin", address=address)
