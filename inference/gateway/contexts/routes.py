"""Which paths are about a response's context: mounted with and without /v1."""

from typing import Final

from starlette.routing import Route

from inference.gateway.contexts import schemas
from inference.gateway.contexts.compacting import Compact
from inference.gateway.contexts.counting import CountTokens
from inference.gateway.operations import IDEMPOTENCY_KEY, Operation, Operations

ROUTES: Final = [
    Route("/responses/input_tokens", CountTokens(), methods=["POST"]),
    Route("/responses/compact", Compact(), methods=["POST"]),
]
DESCRIPTIONS: Final[Operations] = {
    "/responses/input_tokens": {
        "post": Operation(
            id="count_input_tokens",
            summary="Count the tokens that a response would be asked with",
            description="Free; it takes a request of the minute.",
            request=schemas.InputTokensRequest,
            answer=schemas.InputTokens,
        )
    },
    "/responses/compact": {
        "post": Operation(
            id="compact_response",
            summary="Make a long conversation short",
            description=(
                "Users' messages stay as they are; the model sums up the rest in one item, which "
                "only this server can read, for your organisation. Send `output` as later input."
            ),
            request=schemas.CompactRequest,
            answer=schemas.CompactedResponse,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
}
