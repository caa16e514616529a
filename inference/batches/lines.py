"""The lines of a batch while it runs: taken, answered, failed or put back, one statement each."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.idempotency import StoredAnswer
from api import database
from api.errors import InternalError
from billing import ledger

OK: Final = 200


class Taken(InternalError):
    """The line is not ours any more, or its hold was lost with a crashed database: no answer is
    written, and so nothing is charged."""


@dataclass(frozen=True, slots=True)
class TakenLine:
    """`hold_id` is new each time that the line is taken; `attempts` counts this one, too."""

    id: int
    model: str
    body: str
    attempts: int
    hold_id: str

    @property
    def suffix(self) -> str:
        return self.hold_id.removeprefix("gen_")


async def take(
    batch_id: str, holder: str, most: int, resting: Collection[str]
) -> Sequence[TakenLine]:
    """The next ones; none once the batch is somebody else's, cancelled or expired."""
    values = {"batch": batch_id, "holder": holder, "most": most, "resting": list(resting)}
    async with database.connection() as connection:
        found = await (await connection.execute(_TAKE, values)).fetchall()
    return [TakenLine(*row) for row in sorted(found)]


async def finish(
    line_id: int, hold_id: str, answer: StoredAnswer, connection: database.Connection
) -> None:
    """In the transaction that charges the hold. Raises Taken."""
    values = {"id": line_id, "hold": hold_id, "body": answer.body.decode()}
    if answer.status != OK or not await _changes(connection, _FINISH, values):
        raise Taken("This line was taken by another worker.")


async def fail(line: TakenLine, status: int, body: str) -> None:
    values = {"id": line.id, "hold": line.hold_id, "status": status, "body": body}
    async with database.connection() as connection:
        await connection.execute(_FAIL, values)


async def put_back(line: TakenLine, *, counts: bool) -> None:
    """For another attempt; this one counts, or never was."""
    values = {"id": line.id, "hold": line.hold_id, "uncounted": 0 if counts else 1}
    async with database.connection() as connection:
        await connection.execute(_PUT_BACK, values)


async def reclaim(batch_id: str) -> None:
    """What a worker that died was asking: its holds are given back, and the lines run again."""
    async with database.connection() as connection:
        cursor = await connection.execute(_RECLAIM, {"batch": batch_id})
        holds = [row[0] for row in await cursor.fetchall()]
    await asyncio.gather(*(ledger.void(hold, "worker_lost") for hold in holds))


async def _changes(connection: database.Connection, statement: str, values: Any) -> bool:
    return (await connection.execute(statement, values)).rowcount == 1


_TAKE: Final = """
    WITH next AS (
        SELECT line.id FROM batches_line AS line
         WHERE line.batch_id = %(batch)s AND line.state = 'pending'
           AND line.model <> ALL(%(resting)s)
           AND EXISTS (SELECT FROM batches_batch AS batch
                        WHERE batch.id = %(batch)s AND batch.holder = %(holder)s
                          AND batch.status = 'in_progress' AND batch.expires_at > now())
         ORDER BY line.number LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    UPDATE batches_line AS line
       SET state = 'running', attempts = attempts + 1,
           hold_id = 'gen_' || replace(gen_random_uuid()::text, '-', '')
      FROM next WHERE line.id = next.id
    RETURNING line.id, line.model, line.body, line.attempts, line.hold_id
"""
# A hold that was swept while its worker was away is still good: nothing of it was charged.
_FINISH: Final = """
    UPDATE batches_line SET state = 'completed', status_code = 200, answer = %(body)s
     WHERE id = %(id)s AND hold_id = %(hold)s AND state = 'running'
       AND EXISTS (SELECT FROM billing_hold WHERE id = %(hold)s AND state IN ('open', 'expired'))
"""
_FAIL: Final = """
    UPDATE batches_line SET state = 'failed', status_code = %(status)s, answer = %(body)s
     WHERE id = %(id)s AND hold_id = %(hold)s AND state = 'running'
"""
_PUT_BACK: Final = """
    UPDATE batches_line SET state = 'pending', attempts = attempts - %(uncounted)s
     WHERE id = %(id)s AND hold_id = %(hold)s AND state = 'running'
"""
_RECLAIM: Final = """
    WITH lost AS (
        UPDATE batches_line SET state = 'pending'
         WHERE batch_id = %(batch)s AND state = 'running' RETURNING hold_id)
    SELECT hold.id FROM billing_hold AS hold JOIN lost ON lost.hold_id = hold.id
     WHERE hold.state = 'open'
"""
