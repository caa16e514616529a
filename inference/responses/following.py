"""A response's events for those who come later: from the event log, else made again."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence

from inference.event_log import Event, EventsGone, event_log, key_of
from inference.responses import rows
from inference.responses.body import DONE
from inference.responses.narration import Narrator, is_last
from inference.responses.output import to_json

LOOK_SECONDS = 0.5  # between looks at a response whose events another process keeps for itself


async def follow(
    organisation_id: str, response_id: str, after: int = -1
) -> AsyncGenerator[Sequence[Event], None]:
    """Events with a number above `after`, then live ones, until the last. Raises NotFound."""
    try:
        async for events in event_log().read(key_of(organisation_id, response_id), after):
            yield events
            if is_last(events[-1]):
                return
            after = events[-1].number
    except EventsGone:
        pass  # the row still knows
    row = await rows.find(organisation_id, response_id)
    while row.status not in DONE:
        await asyncio.sleep(LOOK_SECONDS)
        row = await rows.find(organisation_id, response_id)
    yield _again(row, after)


def _again(row: rows.Row, after: int) -> Sequence[Event]:
    """Fewer than the first time, so numbers differ; the last one, which holds all, always comes."""
    events = Narrator(row.body).retell()
    if rest := [event for event in events if event.number > after]:
        return rest
    last = json.loads(events[-1].data)
    return [Event(after + 1, to_json({**last, "sequence_number": after + 1}))]
