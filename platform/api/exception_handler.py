"""Whatever goes wrong under an API path leaves in our error envelope: DRF's, Django's, ours."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from rest_framework import exceptions
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from api import database, errors

log = logging.getLogger(__name__)

UNKNOWN_PATH = "There is nothing at this path. The API is described at /docs/."
BROKEN = "Something went wrong on our side. Try again; if it stays, quote the x-request-id header."


def handle(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler; JSON also where the view renders pages."""
    set_rollback()
    error = as_api_error(exception)
    if isinstance(error, errors.InternalError):
        view = type(context.get("view")).__name__
        log.error("request failed", extra={"view": view}, exc_info=exception)
    return _answer(error)


def as_api_error(exception: Exception) -> errors.ApiError:
    """What the client is told; nothing of a class, a path or SQL in it."""
    if isinstance(exception, errors.ApiError):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        param, message = first_problem(exception.detail)
        return errors.InvalidRequest(message, param=param)
    if isinstance(exception, (OperationalError, InterfaceError)):
        return database.unavailable(exception.__cause__)
    for kind, error, message in _MEANINGS:
        if isinstance(exception, kind):
            return error(message)
    if isinstance(exception, exceptions.APIException) and exception.status_code < _SERVER_ERRORS:
        return errors.InvalidRequest(str(exception.detail))
    return errors.InternalError(BROKEN)


_SERVER_ERRORS = 500
_NO_OBJECT = "No such object, or it is not yours."
_MEDIA_TYPES = "Send JSON as application/json, and files as multipart/form-data."
_SUSPICIOUS = "This form has too many fields, or fields that are too large besides its files."
_MEANINGS: list[tuple[type[Exception], type[errors.ApiError], str]] = [
    (DataError, errors.InvalidRequest, "A value of this request cannot be stored."),
    (Http404, errors.NotFound, _NO_OBJECT),
    (exceptions.NotFound, errors.NotFound, _NO_OBJECT),
    (DjangoPermissionDenied, errors.Forbidden, "This is not allowed."),
    (exceptions.PermissionDenied, errors.Forbidden, "This is not allowed."),
    (exceptions.MethodNotAllowed, errors.MethodNotAllowed, "This path has no such method."),
    (exceptions.UnsupportedMediaType, errors.InvalidRequest, _MEDIA_TYPES),
    (SuspiciousOperation, errors.InvalidRequest, _SUSPICIOUS),
]


def first_problem(detail: Any, path: str = "") -> tuple[str | None, str]:
    """The parameter (`limits.requests`, `scopes.0`) and sentence of DRF's first complaint."""
    if isinstance(detail, Mapping):
        name, inner = next(iter(detail.items()))
        if name == api_settings.NON_FIELD_ERRORS_KEY:
            return first_problem(inner, path)
        return first_problem(inner, f"{path}.{name}" if path else str(name))
    if isinstance(detail, list):
        for inner in detail:
            if inner:
                return first_problem(inner, path)
    return path or None, f"{path}: {detail}" if path else str(detail)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if _is_page(request):
        return defaults.bad_request(request, exception)
    return _answer(errors.InvalidRequest("The server does not understand this request."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if _is_page(request):
        return defaults.permission_denied(request, exception)
    return _answer(errors.Forbidden("This is not allowed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if _is_page(request):
        return defaults.page_not_found(request, exception)
    return _answer(errors.NotFound(UNKNOWN_PATH))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if _is_page(request):
        return defaults.server_error(request)
    return _answer(errors.InternalError(BROKEN))


def overloaded(request: HttpRequest, error: errors.ServerOverloaded) -> HttpResponse:
    """Where a request is refused before anything has looked at it."""
    if _is_page(request):
        page = loader.render_to_string("503.html")
        return HttpResponse(page, status=error.status, headers=error.headers())
    return _answer(error)


class UnstorableMeansUnknown(MiddlewareMixin):
    """Django middleware: a page asked for by what no column can hold (a NUL) is not found."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return not_found(request, exception) if isinstance(exception, DataError) else None


PAGES = (
    "/admin/", "/docs/", "/dashboard/", "/accounts/", "/account", "/invite/", "/start", "/c/",
    "/payments/",
)  # fmt: skip
"""Path prefixes that people open in a browser; elsewhere an error is JSON, but for a person who
typed an address: browsers say so, programs do not."""


def _is_page(request: HttpRequest) -> bool:
    is_typed = request.headers.get("Sec-Fetch-Dest") == "document"
    return is_typed or request.path.startswith(PAGES)


def _answer(error: errors.ApiError) -> HttpResponse:
    return JsonResponse(error.body(), status=error.status, headers=error.headers())
