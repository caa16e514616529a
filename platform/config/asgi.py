"""The whole site as one ASGI application: request id, edge, body limits, then one of four doors."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

django = get_asgi_application()  # sets Django up: what follows may import models

from starlette.applications import Starlette  # noqa: E402 - after Django is set up
from starlette.responses import Response  # noqa: E402 - as above
from starlette.routing import Mount, Route  # noqa: E402 - as above
from starlette.staticfiles import StaticFiles  # noqa: E402 - as above
from starlette.types import ASGIApp, Receive, Scope, Send  # noqa: E402 - as above

from api import health  # noqa: E402 - as above
from api.body_limits import BodyLimits  # noqa: E402 - as above
from api.request_ids import RequestIds  # noqa: E402 - as above
from config.edge import Edge  # noqa: E402 - as above
from inference.gateway.application import application as gateway  # noqa: E402 - as above
from inference.gateway.routes import PATHS  # noqa: E402 - as above

# Straight from the packages that bring them: nothing to collect, so nothing to forget.
_BRING_FILES = ("django.contrib.admin", "unfold", "drf_spectacular_sidecar")
_ICON = "/favicon.ico"  # browsers ask for it on every page, also where none names it
static = Starlette(
    routes=[
        Mount("/static", StaticFiles(packages=[(name, "static") for name in _BRING_FILES])),
        Route(_ICON, lambda _request: Response(status_code=204)),
    ]
)


async def doors(scope: Scope, receive: Receive, send: Send) -> None:
    """Generating routes to Starlette, probes, files to disk, everything else to Django."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4404})
        return
    await _door(scope["path"])(scope, receive, send)


def _door(path: str) -> ASGIApp:
    if path in PATHS:
        return gateway
    if path in health.PATHS:
        return health.application
    if path.startswith(settings.STATIC_URL) or path == _ICON:
        return static
    return django  # type: ignore[return-value]  # its stubs name the messages' types otherwise


application = RequestIds(
    Edge(
        BodyLimits(doors),
        allowed_hosts=settings.ALLOWED_HOSTS,
        trusted_proxies=settings.TRUSTED_PROXIES,
        https_only=settings.PRODUCTION,
    )
)
