"""Which paths generate: the routes of every part, each with and without the /v1 prefix."""

from typing import Final

from starlette.routing import Route, WebSocketRoute

from inference.gateway.chat_completions import ChatWire
from inference.gateway.completions import CompletionWire
from inference.gateway.contexts import routes as contexts
from inference.gateway.embeddings import Embeddings
from inference.gateway.endpoint import Endpoint
from inference.gateway.moderations import Moderations
from inference.gateway.operations import IDEMPOTENCY_KEY, Operation, Operations
from inference.gateway.responses import routes as responses
from inference.gateway.websocket import routes as websocket
from inference.schemas.answers import ChatCompletion, ChatCompletionChunk, Completion
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.completions import CompletionRequest
from inference.schemas.embeddings import EmbeddingList, EmbeddingRequest
from inference.schemas.moderations import Moderation, ModerationRequest

PREFIXES: Final = ("/v1", "")
DEPLOYMENTS: Final = "/openai/deployments"
STREAMS: Final = "With `stream: true` the answer is server-sent events, ended by `[DONE]`."


def mounted(route: Route | WebSocketRoute, prefix: str) -> Route | WebSocketRoute:
    path = prefix + route.path
    if isinstance(route, WebSocketRoute):
        return WebSocketRoute(path, route.endpoint)
    return Route(path, route.endpoint, methods=route.methods)


OF_A_MODEL: Final = (
    Route("/chat/completions", Endpoint(ChatCompletionRequest, ChatWire), methods=["POST"]),
    Route("/completions", Endpoint(CompletionRequest, CompletionWire), methods=["POST"]),
    Route("/embeddings", Embeddings(), methods=["POST"]),
)
ROUTES: Final = [
    *(
        mounted(route, prefix)
        for route in (
            *OF_A_MODEL,
            Route("/moderations", Moderations(), methods=["POST"]),
            *responses.ROUTES,
            *contexts.ROUTES,
            *websocket.ROUTES,
        )
        for prefix in PREFIXES
    ),
    # Azure's: the deployment is the model's id or alias, which may hold "/".
    *(mounted(route, f"{DEPLOYMENTS}/{{model:path}}") for route in OF_A_MODEL),
]
DESCRIPTIONS: Final[Operations] = {
    "/chat/completions": {
        "post": Operation(
            id="create_chat_completion",
            summary="Create a chat completion",
            description=STREAMS,
            request=ChatCompletionRequest,
            answer=ChatCompletion,
            event=ChatCompletionChunk,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
    "/completions": {
        "post": Operation(
            id="create_completion",
            summary="Create a completion (legacy)",
            description=STREAMS,
            request=CompletionRequest,
            answer=Completion,
            event=Completion,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
    "/embeddings": {
        "post": Operation(
            id="create_embeddings",
            summary="Create embeddings",
            description="A vector for each input, in their order; input tokens are charged.",
            request=EmbeddingRequest,
            answer=EmbeddingList,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
    "/moderations": {
        "post": Operation(
            id="create_moderation",
            summary="Classify texts",
            description=(
                "By an installed classifier; 404 `model_not_found` where there is none. Labels "
                "with the names of OpenAI's categories become those, others keep their own; "
                "flagged is what scores 0.5 or more."
            ),
            request=ModerationRequest,
            answer=Moderation,
            parameters=(IDEMPOTENCY_KEY,),
        )
    },
    **responses.DESCRIPTIONS,
    **contexts.DESCRIPTIONS,
    **websocket.DESCRIPTIONS,
}
