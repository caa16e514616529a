"""Prompts counted by the server that will read them: vLLM's POST /tokenize, beside /v1."""

from typing import Annotated, Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from inference.engines.base import EngineUnavailable, GenerationRequest
from inference.engines.remote import asking, refusals
from inference.engines.remote.address import RemoteAddress
from inference.engines.remote.refusals import Fault


class _Told(BaseModel):
    count: Annotated[int, Field(ge=1, le=10**9)]


async def tokenized(
    client: httpx.AsyncClient, url: str, address: RemoteAddress, request: GenerationRequest
) -> int:
    """Raises Fault."""
    words: dict[str, Any] = {"model": address.model or request.model, **asking.said(request)}
    words.pop("suffix", None)
    if request.prompt is None:
        words["add_generation_prompt"] = True
    try:
        told = await client.post(url.removesuffix("/v1") + "/tokenize", json=words)
        if told.status_code != httpx.codes.OK:
            wait = told.headers.get("retry-after")
            raise refusals.of_status(told.status_code, wait, told.content)
        return _Told.model_validate_json(told.content).count
    except httpx.HTTPError as error:
        raise refusals.away() from error
    except ValidationError as error:
        raise Fault(EngineUnavailable("The model's server does not count prompts.")) from error
