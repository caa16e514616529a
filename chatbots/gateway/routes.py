"""Where prompts are taken: with and without /v1, also under /resources."""

from typing import Any, Final

from starlette.routing import Route

from chatbots.gateway.prompt import Prompt
from chatbots.schemas.prompting import PromptAnswer, PromptChunk, PromptRequest
from inference.gateway import openapi
from inference.gateway.operations import IDEMPOTENCY_KEY, Operation, Operations

PATH: Final = "/chatbots/{name}/prompt"
ROUTES: Final = [
    Route(prefix + PATH, Prompt(), methods=["POST"])
    for prefix in ("/v1", "", "/v1/resources", "/resources")
]
DESCRIPTIONS: Final[Operations] = {
    PATH: {
        "post": Operation(
            id="prompt_chatbot",
            summary="Send a chatbot a message",
            description=(
                "Answered by the version that is live. With `stream: true` the answer is "
                "server-sent events, ended by `[DONE]`. The answer is made and kept also when the "
                "client leaves."
            ),
            request=PromptRequest,
            answer=PromptAnswer,
            event=PromptChunk,
            parameters=(IDEMPOTENCY_KEY,),
            tag="chatbots",
        )
    }
}


def describe(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    del generator, request, public
    openapi.add(result, DESCRIPTIONS)
    return result
