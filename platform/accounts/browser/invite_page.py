"""The page behind an invitation's link: who invites whom to what, and the button that joins."""

from typing import Final, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.browser import limits, welcome
from accounts.models import User
from api import addresses
from api.errors import Forbidden, NotFound

_LOOKS: Final = 60
"""A minute."""


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    if (answer := limits.refused(request, "invitations", _LOOKS)) is not None:
        return answer
    try:
        invitation = invitations.find(token)
        if request.method == "POST" and request.user.is_authenticated:
            return _join(request, token)
    except NotFound as error:  # also when another tab has used it in this moment
        welcome.forget(request)
        return render(request, "account/invite_gone.html", {"message": error.message}, status=404)
    welcome.remember(request, token)
    known = User.objects.filter(email=invitation.email).exists()
    return render(request, "account/invite.html", {"invitation": invitation, "known": known})


def _join(request: HttpRequest, token: str) -> HttpResponse:
    try:
        member = invitations.accept(
            token, cast("User", request.user), addresses.of_request(request)
        )
    except Forbidden as error:
        messages.error(request, error.message)
        return redirect("invitation", token=token)
    welcome.forget(request)
    team = member.organisation
    messages.success(request, _("You are now a member of %(team)s.") % {"team": team.name})
    return redirect(f"/dashboard/{team.slug}/")
