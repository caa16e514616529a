"""The theme and language that a person chose, told to their browser as cookies."""

from typing import Final, TypeVar

from django.conf import settings
from django.http import HttpResponseBase

from accounts.models import User

THEME: Final = "theme"
_YEAR: Final = 365 * 86_400
"""Seconds."""

Answer = TypeVar("Answer", bound=HttpResponseBase)


def apply(answer: Answer, user: User) -> Answer:
    if user.theme == User.Theme.SYSTEM:
        answer.delete_cookie(THEME, samesite="Lax")
    else:
        _keep(answer, THEME, user.theme)
    if user.language:
        _keep(answer, settings.LANGUAGE_COOKIE_NAME, user.language)
    return answer


def _keep(answer: HttpResponseBase, name: str, value: str) -> None:
    """Read by scripts, too (the theme's switch); there is nothing secret in it."""
    answer.set_cookie(
        name, value, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
