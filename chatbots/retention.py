"""What is forgotten: conversations past their chatbot's days, visitors without one, old sites.

A chatbot that keeps nothing (0 days) still needs what was said while it is being said: its
conversations go half an hour after their last message.
"""

from typing import Final

from django.db import connection

MOST_AT_ONCE: Final = 1_000
SOON: Final = "30 minutes"
SITES_DAYS: Final = 90


def purge() -> int:
    """Every night: how many conversations went."""
    gone = _all(_OLD)
    _all(_VISITORS)
    _all(_SITES)
    return gone


def keep_nothing() -> int:
    """Every few minutes, for the chatbots that want that."""
    return _all(_SOON)


def end_lost() -> int:
    """Answers whose process is gone say so, with what was known of them and what they have cost."""
    with connection.cursor() as cursor:
        cursor.execute(_LOST)
        ended = cursor.rowcount
        cursor.execute(_COSTS)
    return int(ended)


def _all(statement: str) -> int:
    """In short transactions, so that nobody waits long for a row."""
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"most": MOST_AT_ONCE, "soon": SOON, "days": SITES_DAYS})
            count = int(cursor.rowcount)
        gone += count
        if count < MOST_AT_ONCE:
            return gone


# The days of the live version; of the draft where nothing is published.
_OLD: Final = """
    DELETE FROM chatbots_conversation WHERE id IN (
        SELECT chat.id
          FROM chatbots_conversation AS chat
          JOIN chatbots_chatbot AS bot ON bot.id = chat.chatbot_id
          LEFT JOIN chatbots_version AS version ON version.id = bot.live_id
         WHERE chat.last_message_at < now() - make_interval(days =>
               (coalesce(version.configuration, bot.draft)->>'retention_days')::int)
           AND (coalesce(version.configuration, bot.draft)->>'retention_days')::int > 0
           AND NOT EXISTS (SELECT FROM chatbots_message AS message
                            WHERE message.conversation_id = chat.id
                              AND message.status = 'in_progress')
         LIMIT %(most)s)
"""
_SOON: Final = """
    DELETE FROM chatbots_conversation WHERE id IN (
        SELECT chat.id
          FROM chatbots_conversation AS chat
          JOIN chatbots_chatbot AS bot ON bot.id = chat.chatbot_id
          LEFT JOIN chatbots_version AS version ON version.id = bot.live_id
         WHERE chat.last_message_at < now() - %(soon)s::interval
           AND coalesce(version.configuration, bot.draft)->>'retention_days' = '0'
           AND NOT EXISTS (SELECT FROM chatbots_message AS message
                            WHERE message.conversation_id = chat.id
                              AND message.status = 'in_progress')
         LIMIT %(most)s)
"""
_VISITORS: Final = """
    DELETE FROM chatbots_visitor WHERE id IN (
        SELECT visitor.id
          FROM chatbots_visitor AS visitor
          JOIN chatbots_chatbot AS bot ON bot.id = visitor.chatbot_id
          LEFT JOIN chatbots_version AS version ON version.id = bot.live_id
         WHERE visitor.last_seen < now() - make_interval(days => greatest(1,
               (coalesce(version.configuration, bot.draft)->>'retention_days')::int))
           AND coalesce(version.configuration, bot.draft)->>'retention_days' IS NOT NULL
           AND NOT EXISTS (SELECT FROM chatbots_conversation AS chat
                            WHERE chat.visitor_id = visitor.id)
         LIMIT %(most)s)
"""
_SITES: Final = """
    DELETE FROM chatbots_seen WHERE id IN (
        SELECT id FROM chatbots_seen WHERE last_seen < now() - make_interval(days => %(days)s)
         LIMIT %(most)s)
"""
_LOST: Final = """
    UPDATE chatbots_message
       SET status = CASE WHEN text = '' THEN 'failed' ELSE 'incomplete' END,
           finish_reason = 'error', error_code = 'server_error'
     WHERE status = 'in_progress' AND touched_at < now() - interval '10 seconds'
"""
# Once their hold is closed, which the sweep does within two minutes.
_COSTS: Final = """
    WITH closed AS (
        UPDATE chatbots_message AS message
           SET prompt_tokens = hold.prompt_tokens, cost_nano = hold.charged,
               completion_tokens = hold.completion_tokens, model = hold.model
          FROM billing_hold AS hold
         WHERE message.error_code = 'server_error' AND message.body IS NULL AND message.model = ''
           AND message.touched_at > now() - interval '1 day'
           AND hold.id = replace(message.response_id, 'resp_', 'gen_')
           AND hold.organisation_id = message.organisation_id AND hold.state <> 'open'
     RETURNING message.conversation_id, hold.prompt_tokens, hold.completion_tokens, hold.charged
    )
    UPDATE chatbots_conversation AS chat
       SET prompt_tokens = chat.prompt_tokens + closed.prompt_tokens,
           completion_tokens = chat.completion_tokens + closed.completion_tokens,
           cost_nano = chat.cost_nano + closed.charged
      FROM closed WHERE chat.id = closed.conversation_id
"""
