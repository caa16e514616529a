"""Two answers for whoever watches the server: is it alive, and should it get calls.

An ASGI application of its own: probes come by any host name, and need neither Django nor a thread.
"""

import asyncio
from typing import Final

from starlette.types import Receive, Scope, Send

from api import asgi, database, request_ids, sharing
from api.errors import ApiError, DatabaseUnavailable, MethodNotAllowed, Unavailable

READY_SECONDS: Final = 2.0
SUMMARIES: Final = {
    "/health/live": "Does the process answer?",
    "/health/ready": (
        "Does it take calls: is it not stopping, and does its database answer? Where web processes "
        "share a Redis, it says whether that is there; calls are taken without it, too."
    ),
}
PATHS: Final = frozenset(prefix + path for path in SUMMARIES for prefix in ("", "/v1"))

draining = False
"""Set by the server when it is told to stop: calls in progress finish, new ones go elsewhere."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `PATHS`."""
    del receive
    try:
        await _answer(scope, send)
    except ApiError as error:
        await asgi.refuse(send, error)


async def _answer(scope: Scope, send: Send) -> None:
    if scope["method"] not in {"GET", "HEAD"}:
        request_ids.stamp(lambda: {"allow": "GET, HEAD"})
        raise MethodNotAllowed(f"Use GET here, not {scope['method']}.")
    told = {"status": "ok"}
    if scope["path"].endswith("/ready"):
        await _require_ready()
        if road := sharing.road():  # calls are taken without it, too
            told["redis"] = "ok" if await road.answers() else "away"
    await asgi.answer(send, told)


async def _require_ready() -> None:
    if draining:
        raise Unavailable("The server is stopping.")
    question = asyncio.ensure_future(_database_answers())
    done, _ = await asyncio.wait({question}, timeout=READY_SECONDS)
    if not done:
        question.cancel()  # not waited for: telling a database that hangs takes its time too
    if not done or not question.result():
        raise DatabaseUnavailable("The database does not answer.")


async def _database_answers() -> bool:
    try:
        async with database.connection() as connection:
            await connection.execute("SELECT 1")
    except DatabaseUnavailable:
        return False
    return True
