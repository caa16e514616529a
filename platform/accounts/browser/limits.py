"""How often somebody may do something in the browser, and the page that says no."""

from allauth.core.ratelimit import respond_429
from django.http import HttpRequest, HttpResponse

from api import addresses
from api.errors import RateLimited
from api.rate_limits import Limits, take_request


def refused(request: HttpRequest, what: str, a_minute: int) -> HttpResponse | None:
    """None: go on. Counted by the signed-in person, else by the address."""
    who = request.user.pk if request.user.is_authenticated else addresses.of_request(request)
    try:
        take_request(f"{what} by {who}", Limits(a_minute, tokens_per_minute=1))
    except RateLimited as error:
        answer: HttpResponse = respond_429(request)
        answer["Retry-After"] = error.headers()["retry-after"]
        return answer
    return None
