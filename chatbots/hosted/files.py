"""The widget's files over HTTP: an address that follows releases, and one that strict sites pin."""

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_safe

from chatbots.hosted import script

_SOON: Final = "public, max-age=300"
_NEVER: Final = "public, max-age=31536000, immutable"


@require_safe
def chat(request: HttpRequest) -> HttpResponse:
    """`/widget/v1/chat.js`: the newest widget that pages of today understand."""
    return _javascript(request, _SOON)


@require_safe
def pinned(request: HttpRequest, digest: str) -> HttpResponse:
    """`/widget/v1/chat.<digest>.js`: these bytes or none."""
    if digest != script.current().digest:
        raise Http404
    return _javascript(request, _NEVER)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """`/widget/v1/chat.json`: its version, and what to write into `integrity`."""
    return _everywhere(JsonResponse(script.current().told), _SOON)


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    return _everywhere(HttpResponse(script.style(), content_type="text/css; charset=utf-8"), _SOON)


@require_safe
def entrance(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(script.entrance(), content_type="text/javascript; charset=utf-8")
    return _everywhere(answer, _SOON)


def _javascript(request: HttpRequest, kept: str) -> HttpResponse:
    found = script.current()
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    tag = f'"{found.digest}{"-gz" if zipped else ""}"'
    if tag in request.headers.get("If-None-Match", ""):
        answer: HttpResponse = HttpResponseNotModified()
    else:
        body = found.gzipped if zipped else found.body
        answer = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    if zipped and answer.status_code == HttpResponse.status_code:
        answer["Content-Encoding"] = "gzip"
    answer["ETag"] = tag
    answer["Vary"] = "Accept-Encoding"
    return _everywhere(answer, kept)


def _everywhere(answer: HttpResponse, kept: str) -> HttpResponse:
    """Any page may load it, and read it (or it could not be checked against its hash)."""
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer["Cache-Control"] = kept
    return answer
