"""The invitation that somebody follows while they sign up or in: its token waits in the session."""

from django.http import HttpRequest
from django.urls import reverse

from accounts import invitations
from accounts.models import Invitation
from api.errors import NotFound

_TOKEN = "invitation"  # noqa: S105 - where the session keeps one


def remember(request: HttpRequest, token: str) -> None:
    request.session[_TOKEN] = token


def forget(request: HttpRequest) -> None:
    request.session.pop(_TOKEN, None)


def token_of(request: HttpRequest) -> str:
    return str(request.session.get(_TOKEN, ""))


def invitation_of(request: HttpRequest) -> Invitation | None:
    """None without one, or when it has ended meanwhile."""
    if not (token := token_of(request)):
        return None
    try:
        return invitations.find(token)
    except NotFound:
        return None


def path_of(request: HttpRequest) -> str | None:
    return reverse("invitation", args=[token_of(request)]) if invitation_of(request) else None
