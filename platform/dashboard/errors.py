"""What a person sees when a page cannot be shown: one sentence, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from api.errors import ApiError


def page(request: HttpRequest, error: ApiError) -> HttpResponse:
    """An error of ours as a page, with its own status and words."""
    told = {"title": _("This did not work"), "message": error.message}
    return render(request, "error.html", told, status=error.status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    del reason
    told = {
        "title": _("This form is too old"),
        "message": _("Nothing was changed. Go back, reload the page, and send the form again."),
    }
    return render(request, "error.html", told, status=403)
