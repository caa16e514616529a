"""How many tokens a text is as a prompt, counted by the engine that will read it."""

from asgiref.sync import async_to_sync

from accounts.authentication import Caller
from api import ids
from api.errors import ApiError
from inference.engines import registry
from inference.engines.base import EngineError, GenerationRequest, Message, SamplingParams
from inference.engines.counting import counted
from inference.gateway.admission import model_for


def of(caller: Caller, model: str | None, text: str) -> int | None:
    """As `POST /v1/responses/input_tokens` counts it; None where no engine can say."""
    if not text:
        return 0
    try:
        return async_to_sync(_counted)(caller, model, text)
    except (ApiError, EngineError):
        return None


async def _counted(caller: Caller, model: str | None, text: str) -> int:
    entry = await model_for(model, caller, "chat")
    asked = GenerationRequest(
        id=ids.new("gen"),
        model=entry.id,
        sampling=SamplingParams(),
        messages=(Message("system", text),),
        tenant=caller.organisation_id,
    )
    return (await counted(registry.engine_for(entry), asked)).prompt_tokens
