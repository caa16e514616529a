"""The whole site as one ASGI application: request id, edge, spelling, body limits, five doors."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import is_valid_path

django = get_asgi_application()  # sets Django up: what follows may import models

from starlette.applications import Starlette  # noqa: E402 - after Django is set up
from starlette.middleware import Middleware  # noqa: E402 - as above
from starlette.middleware.gzip import GZipMiddleware  # noqa: E402 - as above
from starlette.responses import Response  # noqa: E402 - as above
from starlette.routing import Mount, Route  # noqa: E402 - as above
from starlette.staticfiles import StaticFiles  # noqa: E402 - as above
from starlette.types import ASGIApp, Receive, Scope, Send  # noqa: E402 - as above

from api import health  # noqa: E402 - as above
from api.body_limits import BodyLimits  # noqa: E402 - as above
from api.request_ids import RequestIds  # noqa: E402 - as above
from chatbots import routing as chats  # noqa: E402 - as above
from chatbots.gateway import routes as prompts  # noqa: E402 - as above
from config import celery, metrics  # noqa: E402, F401 - as above; or routes would wake no worker
from config.azure import AzureSpelling  # noqa: E402 - as above
from config.edge import Edge  # noqa: E402 - as above
from config.large_bodies import LIMITS  # noqa: E402 - as above
from config.shared_paths import also_allowing  # noqa: E402 - as above
from inference.gateway.application import application as gateway  # noqa: E402 - as above

# Straight from the packages that bring them: nothing to collect, so nothing to forget.
_BRING_FILES = (
    "config", "dashboard", "allauth.account", "allauth.mfa", "django.contrib.admin", "unfold",
    "drf_spectacular_sidecar",
)  # fmt: skip
_ICON = "/favicon.ico"  # browsers ask for it on every page, also where none names it
static = Starlette(
    routes=[
        Mount("/static", StaticFiles(packages=[(name, "static") for name in _BRING_FILES])),
        Route(_ICON, lambda _request: Response(status_code=204)),
    ],
    middleware=[Middleware(GZipMiddleware, minimum_size=1_000)],
)


generating = gateway.also(prompts.ROUTES)


async def doors(scope: Scope, receive: Receive, send: Send) -> None:
    """Generating routes, also by websocket, to the gateway; chats to Channels; probes, files;
    everything else to Django."""
    await _door(scope)(scope, receive, send)


def _door(scope: Scope) -> ASGIApp:
    path = scope["path"]
    if scope["type"] == "websocket" and path.startswith(chats.PREFIX):
        return chats.application  # type: ignore[return-value] # as Django's
    if scope["type"] == "websocket" or generating.serves(scope):
        return generating
    if metrics.serves(scope) or path in health.PATHS:
        return metrics.application if path == metrics.PATH else health.application
    if path.startswith(settings.STATIC_URL) or path == _ICON:
        return static
    if methods := generating.methods(scope):
        # Where nothing else is, the gateway says what methods it has there.
        return also_allowing(django, methods) if is_valid_path(path) else generating  # type: ignore[arg-type]  # as below
    return django  # type: ignore[return-value]  # its stubs name the messages' types otherwise


application = RequestIds(
    Edge(
        AzureSpelling(BodyLimits(doors, LIMITS)),
        allowed_hosts=settings.ALLOWED_HOSTS,
        trusted_proxies=settings.TRUSTED_PROXIES,
        https_only=settings.PRODUCTION,
    )
)
