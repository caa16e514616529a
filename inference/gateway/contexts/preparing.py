"""A request made ready for its engine, which counts its tokens; nothing is generated or charged."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference import responses
from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.engines.base import EngineError
from inference.engines.counting import counted
from inference.gateway.admission import Admitted, model_for
from inference.responses import Context
from inference.responses.beginning import CAPABILITY
from inference.responses.prompting import in_our_words
from inference.runs.failures import api_error
from inference.schemas.responses import ResponseRequest
from inference.schemas.responses.items import Item


@dataclass(frozen=True, slots=True)
class Ready:
    entry: CatalogEntry
    context: Context
    prompt_tokens: int


async def prepare(
    asked: ResponseRequest,
    admitted: Admitted,
    response_id: str,
    earlier: Sequence[Item] | None = None,
) -> Ready:
    """Raises ApiError: whatever would refuse such a response, except for its price."""
    organisation_id = admitted.caller.organisation_id
    entry = await model_for(asked.model, admitted.caller, CAPABILITY)
    context = await responses.context_of(asked, organisation_id, response_id, earlier)
    request = await responses.generation_of(asked, context, entry, response_id, organisation_id)
    try:
        prepared = await counted(registry.engine_for(entry), request)
    except EngineError as error:
        raise in_our_words(api_error(error)) from error
    return Ready(entry, context, prepared.prompt_tokens)
