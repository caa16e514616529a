"""An answer as server-sent events: what is ready together goes out in one piece."""

from collections.abc import Mapping

from starlette.types import Send

from accounts.idempotency import REPLAYED, StoredAnswer
from api import sse
from api.errors import InternalError
from inference.gateway import answers
from inference.gateway.wire import Wire, usage
from inference.runs import Reader, Run


async def send_answer(send: Send, run: Run, reader: Reader, wire: Wire) -> None:
    """Nothing is sent before the first token, so that until then a failure has its own status.

    Raises that failure; a later one ends the stream as an error event.
    """
    first = await anext(reader, None)
    if reader.closed:
        return
    if run.replayed:
        await _replay(send, run.replayed, wire)
        return
    if first is None:
        raise run.failure or InternalError("The answer was empty. Try again.")
    await _start(send, answers.lowered(run))
    await _body(send, wire.events(first))
    async for deltas in reader:
        await _body(send, wire.events(deltas))
    if reader.closed:
        return
    last = sse.error_event(run.failure).decode() if run.failure else wire.closing(usage(run))
    await _body(send, last, more=False)


async def _replay(send: Send, stored: StoredAnswer, wire: Wire) -> None:
    if stored.status != 200:  # noqa: PLR2004 - a failure is no stream
        await answers.send_stored(send, stored)
        return
    await _start(send, {**stored.headers, **REPLAYED})
    await _body(send, wire.replay(stored.body), more=False)


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


async def _body(send: Send, text: str, *, more: bool = True) -> None:
    if text or not more:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": more})
