"""Pages speak the reader's language; the API speaks English, whatever its client prefers."""

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

ENGLISH = "en"


class PagesAreTranslated(LocaleMiddleware):
    """Django middleware, in the place of Django's own."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path.startswith("/v1/"):
            super().process_request(request)
            return
        translation.activate(ENGLISH)
        request.LANGUAGE_CODE = ENGLISH
