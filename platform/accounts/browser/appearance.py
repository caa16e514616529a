"""The theme and language that a person chose, told to their browser as cookies."""

from typing import Final, TypeVar

from django.conf import settings
from django.http import HttpResponseBase
from django.utils.translation import get_language

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
    else:
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return answer


def note_language(user: User) -> None:
    """What their browser asks for is what they are written to in, until they choose another."""
    user.browser_language = get_language() or ""
    user.save(update_fields=["browser_language"])


def _keep(answer: HttpResponseBase, name: str, value: str) -> None:
    """Read by scripts, too (the theme's switch); there is nothing secret in it."""
    answer.set_cookie(
        name, value, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
