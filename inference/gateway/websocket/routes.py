"""Which paths open a websocket: mounted with and without /v1."""

from typing import Final

from starlette.routing import Route, WebSocketRoute

from inference.gateway.operations import Operations
from inference.gateway.websocket.handshake import Handshake

ROUTES: Final[list[Route | WebSocketRoute]] = [WebSocketRoute("/responses", Handshake())]
DESCRIPTIONS: Final[Operations] = {}  # OpenAPI has no words for a websocket
