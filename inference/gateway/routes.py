"""Which paths generate: each with and without the /v1 prefix."""

from starlette.routing import Route

from inference.gateway.chat_completions import ChatWire
from inference.gateway.completions import CompletionWire
from inference.gateway.endpoint import Endpoint
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.completions import CompletionRequest

ENDPOINTS = {
    "/chat/completions": Endpoint(ChatCompletionRequest, ChatWire),
    "/completions": Endpoint(CompletionRequest, CompletionWire),
}
ROUTES = [
    Route(prefix + path, endpoint, include_in_schema=False)
    for path, endpoint in ENDPOINTS.items()
    for prefix in ("/v1", "")
]
PATHS = frozenset(route.path for route in ROUTES)
