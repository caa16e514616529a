"""How a turn begins: limits, one answer at a time, each event once; then a Run of its own."""

from collections.abc import Mapping

from chatbots.conversing.speaker import Speaker
from chatbots.conversing.turn import Turn
from chatbots.finding import Live


async def begin(
    live: Live,
    speaker: Speaker,
    *,
    input: str,  # noqa: A002 - the protocol's word
    conversation_id: str | None = None,
    event_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Turn:
    """Raises ApiError: `chatbot_unavailable`, `input_too_long`, `rate_limited`,
    `conversation_not_found`, `response_in_progress`. What engine and ledger refuse
    (`budget_exhausted`, `insufficient_balance`, …) is raised too, and nothing is kept of it.

    The same `event_id` again gives the same Turn, running or done: it is billed once.
    """
    raise NotImplementedError


async def find(live: Live, speaker: Speaker, response_id: str) -> Turn | None:
    """An answer of a conversation that the speaker holds."""
    raise NotImplementedError
