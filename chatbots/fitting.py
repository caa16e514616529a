"""The longest prompt that leaves room for an answer, as the engine itself counts."""

from dataclasses import replace
from typing import Final

from api.errors import ApiError, InvalidRequest
from chatbots import prompting
from chatbots.prompting import Material, Plan
from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.engines.base import ContextTooLong, Engine, EngineError, GenerationRequest
from inference.engines.counting import counted
from inference.runs.failures import api_error

LEAST_ROOM: Final = 16
SHARE: Final = 4  # of the context window an answer is given a fourth, or what it may have at most


async def fitting(
    request: GenerationRequest, material: Material, entry: CatalogEntry
) -> tuple[GenerationRequest, Plan]:
    """`request` with the fullest plan's messages that fit. Raises InvalidRequest
    (`input_too_long`), and what the engine refuses."""
    engine = registry.engine_for(entry)
    wanted = min(material.configuration.max_output_tokens, entry.context_window // SHARE)
    plans = prompting.plans(material)
    for room in (wanted, LEAST_ROOM):
        at = await _first_that_fits(engine, request, material, plans, room)
        if at is not None:
            return _with(request, material, plans[at]), plans[at]
    raise InvalidRequest(
        "This message is too long for the chatbot. Send a shorter one.",
        param="input",
        code="input_too_long",
    )


async def _first_that_fits(
    engine: Engine,
    request: GenerationRequest,
    material: Material,
    plans: list[Plan],
    room: int,
) -> int | None:
    """By halving, since each plan's prompt is shorter than the one's before: the whole one fits
    most of the time, and is asked first."""
    low, high = 0, len(plans) - 1
    middle = 0
    found = None
    while low <= high:
        if await _fits(engine, _with(request, material, plans[middle]), room):
            found, high = middle, middle - 1
        else:
            low = middle + 1
        middle = (low + high) // 2
    return found


async def _fits(engine: Engine, request: GenerationRequest, room: int) -> bool:
    try:
        return (await counted(engine, request)).max_output >= room
    except ContextTooLong:
        return False
    except EngineError as error:
        raise _named(api_error(error)) from error


def _with(request: GenerationRequest, material: Material, plan: Plan) -> GenerationRequest:
    return replace(request, messages=prompting.compose(material, plan))


def _named(failure: ApiError) -> ApiError:
    """The prompt is our own: only its newest message is the speaker's."""
    if failure.param:
        failure.param = "input"
    return failure
