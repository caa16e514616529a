"""One's own account: name, language, theme, ways to sign in; taking one's data along; leaving."""

from typing import Final, cast

from allauth.account.decorators import reauthentication_required
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import exporting, leaving
from accounts.browser import appearance, limits
from accounts.browser.forms import LeavingForm, ProfileForm
from accounts.models import User

_EXPORTS: Final = 3
"""A minute."""
_UNPROCESSABLE: Final = 422


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, _("Saved."))
        return appearance.apply(redirect("account"), saved)
    known = {
        "form": form,
        "has_second_factor": is_mfa_enabled(user),
        "sessions": UserSession.objects.filter(user=user).count(),
        "languages": settings.LANGUAGES,
    }
    status = _UNPROCESSABLE if form.errors else 200
    return render(request, "account/profile.html", known, status=status)


@never_cache
@login_required
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    if (refusal := limits.refused(request, "exports", _EXPORTS)) is not None:
        return refusal
    answer = HttpResponse(exporting.archive(user), content_type="application/zip")
    name = f"smarter-account-{timezone.now():%Y-%m-%d}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@never_cache
@login_required
@reauthentication_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Deleted when the address was typed; until then a page that says what goes with it."""
    user = cast("User", request.user)
    waiting = leaving.to_hand_over(user)
    form = LeavingForm(request.POST or None, email=user.email)
    if request.method == "POST" and not waiting and form.is_valid():
        leaving.delete_account(user)
        logout(request)
        return render(request, "account/deleted.html")
    known = {"form": form, "waiting": waiting, "closing": leaving.to_close(user)}
    status = _UNPROCESSABLE if form.errors else 200
    return render(request, "account/delete.html", known, status=status)
