"""How a response begins: its context is read, then a Run starts that no client can cut short."""

from collections.abc import Sequence

from inference import personas
from inference.gateway.admission import Admitted, model_for
from inference.responses import body
from inference.responses.context import context_of
from inference.responses.generation import generation_of
from inference.responses.response_run import Draft, ResponseRun
from inference.runs import Order
from inference.schemas.responses import ResponseRequest
from inference.schemas.responses.items import Item

CAPABILITY = "chat"  # what the model's catalog row must list


async def begin(
    asked: ResponseRequest,
    admitted: Admitted,
    response_id: str,
    earlier: Sequence[Item] | None = None,
) -> ResponseRun:
    """Raises what `drafted` raises; what engine and ledger refuse, the ResponseRun raises."""
    return ResponseRun(*await drafted(asked, admitted, response_id, earlier))


async def drafted(
    asked: ResponseRequest,
    admitted: Admitted,
    response_id: str,
    earlier: Sequence[Item] | None = None,
) -> tuple[Draft, Order]:
    """`earlier`: what came before, where the caller remembers it and nothing has to be read.

    Raises ApiError: an unknown model, previous response, conversation or item, …
    """
    caller = admitted.caller
    persona = await personas.find(asked.model, caller, CAPABILITY)
    entry = persona.entry if persona else await model_for(asked.model, caller, CAPABILITY)
    generation_id = response_id.replace("resp_", "gen_", 1)
    context = await context_of(asked, caller.organisation_id, response_id, earlier)
    generation = await generation_of(asked, context, entry, generation_id, caller.organisation_id)
    order = Order(
        id=generation_id,
        caller=caller,
        request=admitted.request,
        entry=entry,
        generations=[generation],
        output_limit=asked.max_output_tokens,
        streamed=bool(asked.stream),
        idempotency=admitted.retry_key,
        stored=asked.stored,
    )
    annotate = None
    if persona:
        order, annotate = await persona.dressed(order, asked.model_fields_set)
    shown = body.queued(asked, response_id, entry.requested)
    return Draft(asked, context, shown, annotate), order
