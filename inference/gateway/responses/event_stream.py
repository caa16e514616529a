"""Typed events as server-sent events: an `event:` line with the type, a `data:` line, no [DONE]."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from starlette.types import Send

from api import sse
from api.errors import ApiError
from inference.event_log import Event, EventsGone
from inference.responses.narration import is_last, kind_of
from inference.responses.output import to_json

LOST: Final = "The rest of the events was lost. Retrieve the response to see its end."
TOO_SLOW: Final = "The events were read too slowly. Retrieve the response to see its end."


async def send_events(
    send: Send,
    first: Sequence[Event],
    rest: AsyncIterator[Sequence[Event]],
    headers: Mapping[str, str],
) -> None:
    await _start(send, headers)
    events = first
    await _body(send, events)
    try:
        async for events in rest:
            await _body(send, events)
        if not is_last(events[-1]):
            await _body(send, [_broken(LOST, "events_gone", events)])
    except EventsGone:
        await _body(send, [_broken(TOO_SLOW, "events_gone", events)])
    except ApiError as error:  # the event log is away
        await _body(send, [_broken(error.message, error.error_code, events)])
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, extra: Mapping[str, str]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", sse.CONTENT_TYPE.encode()),
                (b"x-accel-buffering", b"no"),
                *((name.encode(), value.encode()) for name, value in extra.items()),
            ],
        }
    )


async def _body(send: Send, events: Sequence[Event]) -> None:
    text = "".join([f"event: {kind_of(event)}\ndata: {event.data}\n\n" for event in events])
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _broken(message: str, code: str | None, before: Sequence[Event]) -> Event:
    number = before[-1].number + 1
    members = {"code": code, "message": message, "param": None}
    said = to_json({"type": "error", "sequence_number": number, **members})
    return Event(number, said)
