"""Which paths of Responses generate or follow an answer: mounted with and without /v1."""

from starlette.routing import Route, WebSocketRoute

from inference.gateway.operations import Operations
from inference.gateway.responses.create import Create
from inference.gateway.responses.retrieve import Cancel, Retrieve

ROUTES: list[Route | WebSocketRoute] = [
    Route("/responses", Create(), methods=["POST"]),
    Route("/responses/{response_id}", Retrieve(), methods=["GET"]),
    Route("/responses/{response_id}/cancel", Cancel(), methods=["POST"]),
]
DESCRIPTIONS: Operations = {}
