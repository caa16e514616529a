"""`emit` on the asynchronous road: in the transaction of what it tells of, by one statement."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.database import Connection


async def tell(
    connection: Connection, organisation_id: str, event: str, data: Mapping[str, Any]
) -> int:
    """How many endpoints will be told. `data` is JSON without secrets."""
    body = {"type": event, "timestamp": datetime.now(UTC).isoformat(), "data": data}
    values = {
        "organisation": organisation_id,
        "event": event,
        "body": json.dumps(body, separators=(",", ":")),
    }
    return (await connection.execute(_TELL, values)).rowcount


_TELL: Final = """
    INSERT INTO accounts_webhookdelivery (
           id, organisation_id, endpoint_id, event, body, state, next_attempt_at, answer, holder,
           attempts, created_at)
    SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), organisation_id, id, %(event)s,
           %(body)s, 'waiting', now(), '', '', 0, now()
      FROM accounts_webhookendpoint
     WHERE organisation_id = %(organisation)s AND enabled
       AND events @> ARRAY[%(event)s]::varchar[]
"""
