"""One JSON answer once the Run is over; the same bytes are kept for an Idempotency-Key."""

from collections.abc import Mapping

from starlette.types import Send

from accounts.idempotency import REPLAYED, StoredAnswer
from billing.pricing import usd
from inference.gateway.wire import Wire, to_json
from inference.runs import Reader, Run


async def send_answer(send: Send, run: Run, reader: Reader, wire: Wire) -> None:
    """Raises the Run's failure. A client that has gone gets nothing."""
    whole = await reader.completion() and wire.whole(run)  # while the charge is written down
    await reader.finish()
    if reader.closed:
        return
    if run.failure:
        raise run.failure
    if run.replayed:
        await send_stored(send, run.replayed)
    else:
        await _send(send, 200, headers(run), whole or wire.whole(run))


async def send_given(send: Send, answer: StoredAnswer) -> None:
    await _send(send, answer.status, answer.headers, answer.body)


async def send_stored(send: Send, stored: StoredAnswer) -> None:
    await _send(send, stored.status, {**stored.headers, **REPLAYED}, stored.body)


def keep(wire: Wire, run: Run) -> StoredAnswer:
    """What a retry gets: the answer, or the failure that came after charged tokens."""
    if run.failure:
        body = to_json(run.failure.body()).encode()
        final = {"x-should-retry": "false"}  # the same again, however often it is asked for
        return StoredAnswer(run.failure.status, {**headers(run), **final}, body)
    return StoredAnswer(200, headers(run), wire.whole(run))


def headers(run: Run) -> dict[str, str]:
    return {"x-request-cost": usd(run.cost), **lowered(run)}


def lowered(run: Run) -> dict[str, str]:
    """Says so where the balance paid for less output than was asked for."""
    if run.hold and run.hold.lowered:
        return {"x-max-tokens-lowered": str(run.hold.max_output)}
    return {}


async def _send(send: Send, status: int, extra: Mapping[str, str], body: bytes) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *((name.encode(), value.encode()) for name, value in extra.items()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
