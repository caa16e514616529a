"""The page of a chatbot at /c/<slug>: its widget and nothing else, also inside of allowed sites."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from api import addresses, database
from api.errors import RateLimited
from api.rate_limits import Limits, take_request
from chatbots import finding, origins
from chatbots.configuration import Configuration
from chatbots.finding import Live

_LOOKS: Final = Limits(requests_per_minute=120, tokens_per_minute=1)
"""Of one address, for all slugs: whoever guesses them does not get far."""
_RIGHT_TO_LEFT: Final = ("ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self' {socket}; form-action 'none'; base-uri 'none'; "
    "frame-ancestors {ancestors}; require-trusted-types-for 'script'; trusted-types 'none'"
)


@require_safe
async def chat(request: HttpRequest, slug: str) -> HttpResponse:
    """Unknown, paused, private and never published look the same: nothing is told about them."""
    try:
        take_request(f"hosted pages from {addresses.of_request(request)}", _LOOKS)
    except RateLimited as error:
        answer = _unavailable(request, status=429)
        answer["Retry-After"] = str(int(error.retry_after or 0) + 1)
        return answer
    live = await finding.by_slug(slug)
    if live is None or not live.answers or live.configuration.access == "private":
        return _unavailable(request, status=404)
    if slug != live.slug:  # it was renamed, and may be again
        return redirect("hosted-chat", live.slug)
    language = _language(request, live.configuration)
    context = {
        "live": live,
        "signed": live.configuration.access == "signed",
        "theme": live.configuration.theme,
        "key": await _publishable_key(live),
        "language": language,
        "direction": "rtl" if language.split("-")[0] in _RIGHT_TO_LEFT else "ltr",
    }
    answer = render(request, "chat/hosted.html", context)
    return _guarded(request, answer, _ancestors(live.configuration))


def _unavailable(request: HttpRequest, *, status: int) -> HttpResponse:
    return _guarded(request, render(request, "chat/unavailable.html", status=status), "'none'")


def _guarded(request: HttpRequest, answer: HttpResponse, ancestors: str) -> HttpResponse:
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    answer["Content-Security-Policy"] = _POLICY.format(socket=socket, ancestors=ancestors)
    answer["Cache-Control"] = "no-cache"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _ancestors(configuration: Configuration) -> str:
    """The same sites that may hold the widget may frame its page."""
    parsed = [origins.parsed(text) for text in configuration.allowed_origins]
    sources = [
        f"{one.scheme}://{'*.' if one.wild else ''}{one.host}:{one.port}" for one in parsed if one
    ]
    return " ".join(["'self'", *sources])


def _language(request: HttpRequest, configuration: Configuration) -> str:
    """What the visitor's browser asks for, if the chatbot speaks it; else its first one."""
    spoken = configuration.languages or ["en"]
    wanted = request.headers.get("Accept-Language", "").lower().split(",")
    for tag in (entry.split(";")[0].strip() for entry in wanted[:20]):
        for language in spoken:
            if tag and tag.split("-")[0] == language.lower().split("-")[0]:
                return language
    return spoken[0]


async def _publishable_key(live: Live) -> str:
    async with database.connection() as connection:
        found = await connection.execute(
            "SELECT publishable_text FROM chatbots_chatbot WHERE organisation_id = %s AND id = %s",
            (live.organisation_id, live.chatbot_id),
        )
        row = await found.fetchone()
    return str(row[0]) if row else ""
