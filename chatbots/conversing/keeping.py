"""What is kept of conversations, for those who hold them."""

from typing import Any

from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live


async def new_conversation(live: Live, speaker: Speaker) -> str:
    raise NotImplementedError


async def active(live: Live, speaker: Speaker, conversation_id: str) -> str | None:
    """The response that is being made in it, if there is one."""
    raise NotImplementedError


async def items(
    live: Live, speaker: Speaker, conversation_id: str, before: str | None = None, limit: int = 30
) -> list[dict[str, Any]]:
    """The newest messages (older than the message `before`), the oldest of them first.

    Raises NotFound with the code `conversation_not_found`.
    """
    raise NotImplementedError


async def feedback(
    live: Live, speaker: Speaker, item_id: str, rating: str | None, comment: str | None = None
) -> None:
    """`up`, `down`, or None to take it back. Raises NotFound, InvalidRequest."""
    raise NotImplementedError


async def seen(live: Live, origin: str, client_version: str, refused: bool) -> None:
    """A site has asked for the chatbot."""
    raise NotImplementedError


async def limits_of(live: Live, speaker: Speaker) -> list[dict[str, Any]]:
    """`[{name, limit, remaining, reset_seconds}]`, as rate_limits.updated tells them."""
    raise NotImplementedError
