"""What a session is told of its chatbot, conversation and limits."""

from typing import Any, Final

from api.errors import NotFound
from chatbots import conversing
from chatbots.consumers.opening import Guest
from chatbots.conversing.drafting import variables
from chatbots.prompting import filled
from chatbots.protocol.limits import FIRST_ITEMS, INPUT_CHARACTERS
from chatbots.protocol.server import Chatbot, Conversation, Item, Limits, RateLimit
from inference.responses.output import to_json

_NONE: Final = Conversation(id=None, items=[], has_more=False)
MOST_BYTES: Final = 128 * 1024  # of items in one frame: older ones can be asked for


def chatbot(guest: Guest) -> Chatbot:
    live, configuration = guest.live, guest.live.configuration
    strings = {
        "resting": configuration.budget.resting_text,
        "rate_limited": configuration.limits.text,
    }
    return Chatbot(
        slug=live.slug,
        name=live.title,
        version=live.version_number,
        welcome=filled(configuration.welcome, variables(live, guest.speaker)),
        suggested_prompts=configuration.suggested_prompts,
        theme=configuration.theme.model_dump(mode="json"),
        strings={name: text for name, text in strings.items() if text},
        disclosure=configuration.disclosure,
        features={"feedback": True, "stop": True, "citations": configuration.knowledge.citations},
    )


async def conversation(guest: Guest, asked: str | None) -> Conversation:
    """That, else the visitor's last. One that is not there, or not theirs, is as none.

    An answer that is being written is left out: its events follow.
    """
    conversation_id = asked or await conversing.latest(guest.live, guest.speaker)
    if conversation_id is None:
        return _NONE
    try:
        found = await conversing.items(
            guest.live, guest.speaker, conversation_id, None, FIRST_ITEMS + 1
        )
    except NotFound:
        return _NONE
    done = [item for item in found if item["status"] != "in_progress"]
    told = fitting(done[-FIRST_ITEMS:])
    return Conversation(id=conversation_id, items=told, has_more=len(told) < len(done))


def fitting(items: list[dict[str, Any]]) -> list[Item]:
    """The newest of them, as many as one frame may hold; always one."""
    kept: list[Item] = []
    size = 0
    for item in reversed(items):
        size += len(to_json(item).encode())
        if kept and size > MOST_BYTES:
            break
        kept.append(Item.model_validate(item))
    return kept[::-1]


async def rate_limits(guest: Guest) -> list[RateLimit]:
    told = await conversing.limits_of(guest.live, guest.speaker)
    return [RateLimit.model_validate(limit) for limit in told]


async def limits(guest: Guest) -> Limits:
    return Limits(input_characters=INPUT_CHARACTERS, rate_limits=await rate_limits(guest))
