"""Prompts counted by the server that will read them: vLLM's POST /tokenize, beside /v1."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from inference.engines.base import EngineUnavailable, GenerationRequest
from inference.engines.remote import asking, refusals
from inference.engines.remote.address import RemoteAddress
from inference.engines.remote.connection import Broken
from inference.engines.remote.connections import Connections
from inference.engines.replicas import Fault

LONGEST_ANSWER: Final = 16 * 1024 * 1024  # vLLM tells the tokens, too


class _Told(BaseModel):
    count: Annotated[int, Field(ge=1, le=10**9)]


async def tokenized(
    connections: Connections, url: str, address: RemoteAddress, request: GenerationRequest
) -> int:
    """Raises Fault."""
    words: dict[str, Any] = {"model": address.model or request.model, **asking.said(request)}
    words.pop("suffix", None)
    if request.prompt is None:
        words["add_generation_prompt"] = True
    try:
        asked = connections.ask(
            "POST", f"{url.removesuffix('/v1')}/tokenize", asking.encoded(words)
        )
        async with asked as told:
            content = await told.content(LONGEST_ANSWER)
        if told.status != HTTPStatus.OK:
            raise refusals.of_status(told.status, told.headers.get("retry-after"), content)
        return _Told.model_validate_json(content).count
    except Broken as error:
        raise refusals.away() from error
    except ValidationError as error:
        raise Fault(EngineUnavailable("The model's server does not count prompts.")) from error
