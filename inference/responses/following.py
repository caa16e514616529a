"""A response's events for those who come later: from the event log, else made again."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from api.errors import NotFound, Unavailable
from inference.event_log import Event, EventsAway, EventsGone, event_log, key_of, watched
from inference.responses import rows
from inference.responses.body import DONE
from inference.responses.narration import Narrator, is_last
from inference.responses.output import to_json

LOOK_SECONDS = 0.5  # between looks at a response whose events cannot be had
AWAY: Final = (
    "This response is made by another process, and its events cannot be reached now. It goes on: "
    "retrieve it without stream to see its end, or try again in a moment."
)


async def follow(
    organisation_id: str, response_id: str, after: int = -1
) -> AsyncGenerator[Sequence[Event], None]:
    """Events with a number above `after`, then live ones, until the last.

    Raises NotFound, also for one that was deleted or not to be kept, though the log still knows
    how it was made; and Unavailable where another process makes it and Redis is away.
    """
    await _require_kept(organisation_id, response_id)
    is_done = partial(_is_done, organisation_id, response_id)
    while True:
        away = False
        log = event_log().read(key_of(organisation_id, response_id), after)
        try:
            async for events in watched(log, is_done):
                yield events
                if is_last(events[-1]):
                    return
                after = events[-1].number
        except EventsGone as gone:
            away = isinstance(gone, EventsAway)
        row = await _row(organisation_id, response_id, away)
        if row.status in DONE:
            yield _again(row, after)
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _require_kept(organisation_id: str, response_id: str) -> None:
    """Whatever is over has its row before anybody can see its end."""
    with suppress(EventsAway):
        if await event_log().is_over(key_of(organisation_id, response_id)):
            await rows.find(organisation_id, response_id)


async def _is_done(organisation_id: str, response_id: str, silent: bool) -> bool:
    """Of a response in the background; any other has no row before it is."""
    if not silent:
        return False
    try:
        return (await rows.find(organisation_id, response_id)).status in DONE
    except NotFound:
        return False


async def _row(organisation_id: str, response_id: str, away: bool) -> rows.Row:
    try:
        row = await rows.find(organisation_id, response_id)
    except NotFound:
        if away:  # it may be one that has no row yet
            raise Unavailable(AWAY, retry_after=2) from None
        raise
    if away and row.status not in DONE:
        raise Unavailable(AWAY, retry_after=2)
    return row


def _again(row: rows.Row, after: int) -> Sequence[Event]:
    """Fewer than the first time, so numbers differ; the last one, which holds all, always comes."""
    events = Narrator(row.body).retell()
    if rest := [event for event in events if event.number > after]:
        return rest
    last = json.loads(events[-1].data)
    return [Event(after + 1, to_json({**last, "sequence_number": after + 1}))]
