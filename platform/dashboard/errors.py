"""What a person sees when a page cannot be shown: one sentence, and what to do next."""

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from api.errors import ApiError, RateLimited


def page(request: HttpRequest, error: ApiError) -> HttpResponse:
    """An error of ours as a page, with its own status and words."""
    told = {"title": _("This did not work"), "message": said(error)}
    return render(request, "error.html", told, status=error.status)


def said(error: ApiError) -> str:
    """Its words, which pages have in their reader's language; limits speak of keys, people have
    none."""
    if isinstance(error, RateLimited) and error.retry_after is not None:
        seconds = {"seconds": math.ceil(error.retry_after)}
        return _("That was too often. Try again in %(seconds)d seconds.") % seconds
    return error.message.removesuffix(error.hint).rstrip()


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    del reason
    told = {
        "title": _("This form is too old"),
        "message": _("Nothing was changed. Go back, reload the page, and send the form again."),
    }
    return render(request, "error.html", told, status=403)
