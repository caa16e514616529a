"""Which paths open a websocket: mounted with and without /v1."""

from starlette.routing import Route, WebSocketRoute

from inference.gateway.operations import Operations

ROUTES: list[Route | WebSocketRoute] = []
DESCRIPTIONS: Operations = {}
