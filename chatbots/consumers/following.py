"""An answer's events as frames for one of its readers."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

from chatbots.conversing import Turn
from chatbots.protocol import writing
from chatbots.protocol.limits import BATCH_SECONDS
from chatbots.protocol.server import ResponseSnapshot
from inference.event_log import Event, EventsGone
from inference.responses.narration import is_last, kind_of

AGAIN_SECONDS: Final = 1.0  # between looks at an answer whose events cannot be had
_UNFINISHED: Final = frozenset({"queued", "in_progress"})
_TEXT: Final = "response.output_text.delta"


async def frames(turn: Turn, after: int) -> AsyncIterator[Iterator[str]]:
    """From the event `after` on to the end. Where the log has forgotten, a snapshot comes first.

    Text waits for more of it: who asks again at once gets one frame each BATCH_SECONDS.
    """
    told = ""
    while True:
        try:
            async for events in turn.events(after):
                yield writing.texts_of(events)
                after = events[-1].number
                if is_last(events[-1]):
                    return
                await asyncio.sleep(_pause(events))
        except EventsGone:
            response, number = await _standing(turn)
        else:
            return
        snapshot = _snapshot(response, max(after, number))
        if snapshot != told:
            yield iter((snapshot,))
        if response.get("status") not in _UNFINISHED:
            return
        told, after = snapshot, max(after, number)
        await asyncio.sleep(AGAIN_SECONDS)


async def _standing(turn: Turn) -> tuple[dict[str, Any], int]:
    """How it stands; of one that is not there any more (deleted, or asked for anew), its end."""
    try:
        return await turn.snapshot()
    except EventsGone:
        error = {"code": "response_not_found", "message": "This answer is not there any more."}
        return {"id": turn.response_id, "status": "failed", "output": [], "error": error}, -1


def _pause(events: Sequence[Event]) -> float:
    return BATCH_SECONDS if any(kind_of(event) == _TEXT for event in events) else 0


def _snapshot(response: dict[str, Any], number: int) -> str:
    return writing.text_of(ResponseSnapshot(response=response, sequence_number=number))
