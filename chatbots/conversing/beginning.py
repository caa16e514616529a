"""How a turn begins: limits, one answer at a time, each event once; then a Run of its own."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Final

from api.errors import ApiError, ChatbotUnavailable, InvalidRequest
from chatbots import limits
from chatbots.conversing import answers, claims, refusing
from chatbots.conversing.answering import Answer
from chatbots.conversing.claims import Claim, Said
from chatbots.conversing.drafting import drafted
from chatbots.conversing.speaker import Speaker
from chatbots.conversing.turn import Turn
from chatbots.finding import Live

LONGEST_INPUT: Final = 64_000  # characters; what fits into the model's context is asked of it
LONGEST_EVENT: Final = 255
_tasks: set["asyncio.Future[Claim]"] = set()


async def begin(  # noqa: PLR0913 - what a message is; all but its text may be absent
    live: Live,
    speaker: Speaker,
    *,
    input: str,  # noqa: A002 - the protocol's word
    conversation_id: str | None = None,
    event_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
    earlier: Sequence[tuple[str, str]] = (),
    replaces: str | None = None,
) -> Turn:
    """Raises ApiError: `chatbot_unavailable`, `input_too_long`, `rate_limited`,
    `conversation_not_found`, `response_in_progress`. What engine and ledger refuse
    (`budget_exhausted`, `insufficient_balance`, …) is raised too, and nothing is kept of it.

    The same `event_id` again gives the same Turn, running or done: it is billed once. `earlier`
    are (role, text) of messages that came before elsewhere; `replaces` is the conversation's last
    answer, if it failed or was stopped: it and its question make room.
    """
    _require_short(conversation_id, event_id)
    said = Said(input, conversation_id, event_id, metadata, earlier, replaces)
    claimed = await claims.known(live, speaker, said)
    if claimed is None:
        _require_open(live, speaker)
        _require_modest(input)
        claimed = await _whoever_leaves(_begun(live, speaker, said))
    return Turn(live, speaker, claimed.conversation_id, claimed.response_id, claimed.message_id)


async def find(live: Live, speaker: Speaker, response_id: str) -> Turn | None:
    """An answer of a conversation that the speaker holds."""
    if len(response_id) > claims.LONGEST_ID or not response_id.isprintable():
        return None
    row = await answers.find(live.organisation_id, live.chatbot_id, speaker.visitor_id, response_id)
    if row is None:
        return None
    return Turn(live, speaker, row.conversation_id, response_id, row.message_id)


def counted(live: Live, speaker: Speaker) -> list[limits.Window]:
    """The windows in which this speaker's messages count."""
    visitor_id = None if speaker.preview else speaker.visitor_id
    return limits.windows(live.chatbot_id, live.configuration.limits, visitor_id, speaker.address)


def _require_open(live: Live, speaker: Speaker) -> None:
    visits = speaker.visitor_id is not None and not speaker.preview
    if not live.answers or (visits and live.configuration.access == "private"):
        raise ChatbotUnavailable(
            "This chatbot is paused, private or not published yet. Its owner can change that."
        )


def _require_short(conversation_id: str | None, event_id: str | None) -> None:
    if conversation_id and not (
        len(conversation_id) <= claims.LONGEST_ID and conversation_id.isprintable()
    ):
        raise claims.unknown("")
    if event_id is not None and not (0 < len(event_id) <= LONGEST_EVENT and "\0" not in event_id):
        raise InvalidRequest(
            f"An event's id has 1 to {LONGEST_EVENT} characters.", param="event_id"
        )


def _require_modest(text: str) -> None:
    if not text.strip():
        raise InvalidRequest("There is nothing to answer: 'input' is empty.", param="input")
    if len(text) > LONGEST_INPUT:
        raise InvalidRequest(
            f"A message has at most {LONGEST_INPUT:,} characters. Send a shorter one.",
            param="input",
            code="input_too_long",
        )


async def _begun(live: Live, speaker: Speaker, said: Said) -> Claim:
    give_back = await limits.take(counted(live, speaker), live.configuration.limits.text)
    try:
        claimed = await claims.claim(live, speaker, said)
        if claimed.is_new:
            await _started(live, speaker, said, claimed)
    except ApiError as error:
        give_back()
        raise await refusing.in_its_words(live, speaker, error) from error
    if not claimed.is_new:
        give_back()
    return claimed


async def _started(live: Live, speaker: Speaker, said: Said, claimed: Claim) -> None:
    """A message that cannot be answered is not kept."""
    try:
        draft, order = await drafted(live, speaker, said, claimed)
        await Answer(draft, order).opened()
    except ApiError:
        await claims.forget(claimed)
        raise


async def _whoever_leaves(work: Coroutine[None, None, Claim]) -> Claim:
    """Who is cut off here (a socket that closes) leaves no claim without its answer."""
    _tasks.add(task := asyncio.ensure_future(work))
    task.add_done_callback(_ended)
    return await asyncio.shield(task)


def _ended(task: "asyncio.Future[Claim]") -> None:
    _tasks.discard(task)
    if not task.cancelled():
        task.exception()  # whoever still waits is told; nobody else needs to be
