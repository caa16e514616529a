"""What allauth asks of us: who may sign up, whose address a call comes from, how secrets lie."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import sealing
from accounts.browser import appearance, welcome
from accounts.models import AuditEntry, User
from api import addresses


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("That email and password do not belong together."),
        "too_many_login_attempts": _("Too many attempts. Wait five minutes and try again."),
        "email_taken": _("This address has an account already. Log in instead."),
        "incorrect_password": _("This is not your password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Who holds an invitation may sign up whatever SIGNUP says."""
        return settings.SIGNUP == "open" or welcome.invitation_of(request) is not None

    def get_client_ip(self, request: HttpRequest) -> str:
        """Limits and sessions count by it: a header is believed from trusted proxies only."""
        if address := addresses.of_request(request):
            return address
        raise PermissionDenied("The address that this call comes from is unknown.")

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the invitation that brought them here, else to the dashboard."""
        invited = welcome.path_of(request)
        return invited or str(super().get_login_redirect_url(request))

    get_signup_redirect_url = get_login_redirect_url

    def new_user(self, request: HttpRequest) -> User:
        user = cast("User", super().new_user(request))
        user.browser_language = get_language() or ""
        return user

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """In the language of who reads it: another may have asked for it."""
        to = email if isinstance(email, str) else email[0]
        reader = User.objects.filter(Q(email=to) | Q(emailaddress__email=to)).first()
        with translation.override((reader and reader.reads) or get_language()):
            return super().render_mail(template_prefix, email, context, headers)

    def authentication_failed(self, request: HttpRequest, **credentials: object) -> None:
        super().authentication_failed(request, **credentials)
        self._record("login.failed", str(credentials.get("email", "")))

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        user = cast("User", user)
        self._record("login.succeeded", user.email)
        appearance.note_language(user)
        return appearance.apply(super().post_login(request, user, **kwargs), user)

    def _record(self, action: str, email: str) -> None:
        """People are named by their id; an address that is nobody's is not kept."""
        known = User.objects.filter(email=email.strip().lower()).values_list("id", flat=True)
        AuditEntry.objects.create(
            actor=known.first() or "nobody known", action=action, target="browser",
            address=self.get_client_ip(self.request),
        )  # fmt: skip


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)
