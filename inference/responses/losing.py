"""Responses in the background whose process died: nobody will end them, so the sweeper does."""

from typing import Final

from django.db import connection

ERROR: Final = "The server stopped while it answered. Ask again."


def fail_lost() -> int:
    """Fail every response that is not done though its hold is closed; how many.

    A Run writes its row right after it closes its hold, so a hold that was closed a moment ago
    means nothing yet. Where the Run lives on after all, it has the last word.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, {"message": ERROR})
        return int(cursor.rowcount)


_FAIL: Final = """
    UPDATE inference_response AS response
       SET status = 'failed',
           body = body || jsonb_build_object('status', 'failed', 'error', jsonb_build_object(
                  'code', 'server_error', 'message', %(message)s::text))
     WHERE status IN ('queued', 'in_progress') AND created_at < now() - interval '10 seconds'
       AND NOT EXISTS (
           SELECT FROM billing_hold AS hold
            WHERE hold.id = replace(response.id, 'resp_', 'gen_')
              AND (hold.state = 'open' OR hold.closed_at > now() - interval '10 seconds'))
"""
