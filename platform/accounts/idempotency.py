"""Idempotency-Key: one charge and one answer, however often and at how many doors a client retries.

A record is claimed before the hold and keeps the hold's id. Whoever ends the hold ends the record
in the same transaction: `finish` with the answer when it settles, `release` when nothing was
charged. What a crash leaves behind the sweeper ends: `lose_many` for what was charged (the answer
is gone, a retry must not pay again), `release_many` for what was not. Who deletes an answer takes
it away here, too (`forget`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection as django_connection

from accounts.models.idempotency_record import new_idempotency_id
from api import database
from api.database import Connection
from api.errors import IdempotencyInFlight, IdempotencyLost, IdempotencyMismatch, InvalidRequest

MAX_KEY: Final = 255
HEADER: Final = "idempotency-key"
REPLAYED: Final = {"idempotent-replayed": "true"}


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def claim(
    organisation_id: str, key: str, fingerprint: bytes, hold_id: str
) -> StoredAnswer | None:
    """None: the key is ours, go on. An answer: give it again, with the header REPLAYED.

    `fingerprint` is the SHA-256 of method, path and body. Raises IdempotencyInFlight,
    IdempotencyMismatch, IdempotencyLost, InvalidRequest (a key of the wrong shape).
    """
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidRequest(
            f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.", param=HEADER
        )
    values = {
        "id": new_idempotency_id(),
        "organisation": organisation_id,
        "key": key,
        "fingerprint": fingerprint,
        "hold": hold_id,
    }
    async with database.connection() as pooled:
        row = await (await pooled.execute(_CLAIM, values)).fetchone()
    if row is None:  # someone claimed it while our statement ran
        raise IdempotencyInFlight(_RUNNING, retry_after=1)
    state, stored_fingerprint, status, headers, body = row
    if state == "claimed":
        return None
    if bytes(stored_fingerprint) != fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was used with another request.")
    if state == "running":
        raise IdempotencyInFlight(_RUNNING, retry_after=1)
    if state == "lost":
        raise IdempotencyLost(_LOST)
    return StoredAnswer(status, headers, bytes(body))


async def finish(hold_id: str, answer: StoredAnswer, connection: Connection | None = None) -> None:
    """Keep the answer; with `connection`, inside the transaction that settles the hold.

    A record that the sweeper gave up as lost is found again.
    """
    await _execute(
        _FINISH,
        {
            "hold": hold_id,
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers)),
            "body": answer.body,
        },
        connection,
    )


async def release(hold_id: str, connection: Connection | None = None) -> None:
    """Nothing was charged: the key is free for another attempt."""
    await _execute(_RELEASE, {"holds": [hold_id]}, connection)


def lose_many(hold_ids: Sequence[str]) -> int:
    """For the sweeper: these were charged and their answers are gone. How many had a key."""
    return _sweep(_LOSE, list(hold_ids))


def release_many(hold_ids: Sequence[str]) -> int:
    """For the sweeper: these were voided. How many had a key."""
    return _sweep(_RELEASE, list(hold_ids))


def forget(organisation_id: str, hold_id: str) -> None:
    """Its owner has deleted the answer: nothing of it stays. It was charged, so the key stays
    used."""
    with django_connection.cursor() as cursor:
        cursor.execute(_FORGET, {"organisation": organisation_id, "hold": hold_id})


def running(older_than_seconds: int = 120) -> list[str]:
    """For the sweeper: hold ids of claims that old; those without a hold never got that far."""
    with django_connection.cursor() as cursor:
        cursor.execute(_RUNNING_HOLDS, {"seconds": older_than_seconds})
        return [row[0] for row in cursor.fetchall()]


def prune() -> int:
    """Delete what has expired; how many."""
    with django_connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_idempotencyrecord WHERE expires_at <= now()")
        return int(cursor.rowcount)


_RUNNING: Final = "A request with this Idempotency-Key is still running. Ask again in a moment."
_LOST: Final = (
    "The first request with this Idempotency-Key was charged, but its answer is gone: deleted, or "
    "lost in a crash. Nothing is charged twice; use a new key to generate again."
)
# Claims a key that is new or expired. A live one is only read, never locked.
_CLAIM: Final = """
    WITH claimed AS (
        INSERT INTO accounts_idempotencyrecord AS record
               (id, organisation_id, key, fingerprint, hold_id, state, created_at, expires_at)
        VALUES (%(id)s, %(organisation)s, %(key)s, %(fingerprint)s, %(hold)s, 'running', now(),
                now() + interval '24 hours')
        ON CONFLICT (organisation_id, key) DO UPDATE
           SET fingerprint = excluded.fingerprint, hold_id = excluded.hold_id, state = 'running',
               status = NULL, headers = NULL, body = NULL, created_at = excluded.created_at,
               expires_at = excluded.expires_at
         WHERE record.expires_at <= now()
        RETURNING 1)
    SELECT 'claimed', NULL, NULL, NULL, NULL FROM claimed
     UNION ALL
    SELECT state, fingerprint, status, headers, body FROM accounts_idempotencyrecord
     WHERE organisation_id = %(organisation)s AND key = %(key)s AND NOT EXISTS (SELECT FROM claimed)
"""
_FINISH: Final = """
    UPDATE accounts_idempotencyrecord
       SET state = 'finished', status = %(status)s, headers = %(headers)s, body = %(body)s
     WHERE hold_id = %(hold)s AND state IN ('running', 'lost')
"""
_RELEASE: Final = """
    DELETE FROM accounts_idempotencyrecord WHERE hold_id = ANY(%(holds)s) AND state = 'running'
"""
_LOSE: Final = """
    UPDATE accounts_idempotencyrecord SET state = 'lost'
     WHERE hold_id = ANY(%(holds)s) AND state = 'running'
"""
_FORGET: Final = """
    UPDATE accounts_idempotencyrecord
       SET state = 'lost', status = NULL, headers = NULL, body = NULL
     WHERE organisation_id = %(organisation)s AND hold_id = %(hold)s AND state = 'finished'
"""
_RUNNING_HOLDS: Final = """
    SELECT hold_id FROM accounts_idempotencyrecord
     WHERE state = 'running' AND created_at < now() - make_interval(secs => %(seconds)s)
"""


async def _execute(
    statement: str, values: Mapping[str, object], connection: Connection | None
) -> None:
    if connection is not None:
        await connection.execute(statement, values)
        return
    async with database.connection() as pooled:
        await pooled.execute(statement, values)


def _sweep(statement: str, hold_ids: list[str]) -> int:
    if not hold_ids:
        return 0
    with django_connection.cursor() as cursor:
        cursor.execute(statement, {"holds": hold_ids})
        return int(cursor.rowcount)
