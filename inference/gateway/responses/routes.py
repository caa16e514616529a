"""Which paths of Responses generate or follow an answer: mounted with and without /v1."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.routing import Route, WebSocketRoute

from inference.gateway.operations import IDEMPOTENCY_KEY, Operation, Operations
from inference.gateway.responses.create import Create
from inference.gateway.responses.retrieve import Cancel, Retrieve
from inference.schemas.responses.answers import ResponseEvent, ResponseObject
from inference.schemas.responses.request import ResponseRequest

ROUTES: list[Route | WebSocketRoute] = [
    Route("/responses", Create(), methods=["POST"]),
    Route("/responses/{response_id}", Retrieve(), methods=["GET"]),
    Route("/responses/{response_id}/cancel", Cancel(), methods=["POST"]),
]
STREAM: Final[Mapping[str, Any]] = {
    "name": "stream",
    "in": "query",
    "description": "Its events, from the first one or from `starting_after` on; live, if it runs.",
    "schema": {"type": "boolean"},
}
STARTING_AFTER: Final[Mapping[str, Any]] = {
    "name": "starting_after",
    "in": "query",
    "description": "Only events with a sequence_number above this one.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
}
DESCRIPTIONS: Operations = {
    "/responses": {
        "post": Operation(
            id="create_response",
            summary="Create a response",
            description=(
                "With `stream: true` the answer is typed server-sent events. With "
                "`background: true` it comes at once, and the response is done later."
            ),
            request=ResponseRequest,
            answer=ResponseObject,
            event=ResponseEvent,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
    "/responses/{response_id}": {
        "get": Operation(
            id="retrieve_response",
            summary="Retrieve a response, or follow its events",
            answer=ResponseObject,
            event=ResponseEvent,
            parameters=(STREAM, STARTING_AFTER),
        )
    },
    "/responses/{response_id}/cancel": {
        "post": Operation(
            id="cancel_response",
            summary="Cancel a response in the background",
            description="What was generated is charged. Cancelling again changes nothing.",
            answer=ResponseObject,
        )
    },
}
