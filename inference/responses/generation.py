"""From a request and its context to what the engine is asked for."""

from collections.abc import Sequence
from dataclasses import replace

from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.engines.base import ContextTooLong, EngineError, GenerationRequest, Message
from inference.engines.counting import counted
from inference.responses.compacted import expanded
from inference.responses.context import Context
from inference.responses.prompting import in_our_words, messages_of
from inference.runs.failures import api_error
from inference.schemas.responses import ResponseRequest

DROPPED_AT_ONCE = 8  # at least one message in so many goes, so that long chats fit in few steps


async def generation_of(
    asked: ResponseRequest,
    context: Context,
    entry: CatalogEntry,
    generation_id: str,
    organisation_id: str,
) -> GenerationRequest:
    """Raises InvalidRequest; with `truncation: auto` also what the engine's `prepare` raises."""
    request = GenerationRequest(
        id=generation_id,
        model=entry.id,
        sampling=asked.sampling,
        messages=messages_of(asked.instructions, expanded(context.items, organisation_id)),
        tenant=organisation_id,
        tools=asked.engine_tools,
        tool_choice=asked.engine_choice,
        parallel_tool_calls=asked.parallel_tool_calls is not False,
        response_format=asked.format,
    )
    return await fitting(request, entry) if asked.truncation == "auto" else request


async def fitting(
    request: GenerationRequest, entry: CatalogEntry, room: int = 1
) -> GenerationRequest:
    """Without as many of the oldest messages as it takes to leave `room` for so many tokens of
    output, as far as that can be; not fitting into the context window at all is an error."""
    engine = registry.engine_for(entry)
    while True:
        failure = None
        try:
            if (await counted(engine, request)).max_output >= room:
                return request
        except ContextTooLong as error:
            failure = error
        except EngineError as error:
            raise in_our_words(api_error(error)) from error
        shorter = _without_the_oldest(request.messages)
        if shorter == request.messages:
            if failure:
                raise in_our_words(api_error(failure))
            return request
        request = replace(request, messages=shorter)


def _without_the_oldest(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Instructions (system messages at the start) and the last message always stay; a tool's
    answer goes with the call before it."""
    start = next((i for i, message in enumerate(messages) if message.role != "system"), 0)
    kept = list(messages[start:])
    drop = min(len(kept) - 1, 1 + len(kept) // DROPPED_AT_ONCE)
    while drop < len(kept) - 1 and kept[drop].role == "tool":
        drop += 1
    return (*messages[:start], *kept[drop:])
