"""A team with a long past, written by SQL: conversations with messages, calls with their book.

Every call is a hold, a journal and two entries, as a settle leaves them: balances run, journals sum
to zero, and the audit finds no drift. Triggers and foreign keys rest while it is written.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from accounts import keys
from accounts.models import Organisation, User
from accounts.registration import create_organisation
from billing import caps, topping_up, usage
from billing.models import Price, TopUp
from billing.pricing import NANO
from chatbots import making, versions
from chatbots.author import Author
from inference.models import ServedModel

EMAIL: Final = "bench@example.com"
DAYS: Final = 90
CHATBOTS: Final = 30
KEYS: Final = 30
CREDIT: Final = 1_000_000 * NANO
MODEL: Final = "bench"
NAMES: Final = ("support", *(f"desk-{n}" for n in range(2, CHATBOTS + 1)))


@dataclass(frozen=True, slots=True)
class Team:
    organisation: Organisation
    owner: User


def find() -> Team | None:
    """The one of an earlier run, where the database was kept."""
    owner = User.objects.filter(email=EMAIL).first()
    return Team(owner.memberships.get().organisation, owner) if owner else None


def make(conversations: int, calls: int) -> Team:
    """`calls` and `conversations` spread evenly over the last ninety days."""
    made = create_organisation("Bench", EMAIL, "a long way home")
    team = Team(made.organisation, made.user)
    topping_up.top_up(team.organisation, CREDIT, "bench", TopUp.Provider.MANUAL)
    Price.objects.create(model=MODEL, input=50_000, cached_input=50_000, output=100_000)
    ServedModel.objects.create(
        id=MODEL, engine="scripted", context_window=8192, state=ServedModel.State.INSTALLED
    )
    for number in range(KEYS - 1):
        keys.issue(team.organisation.id, name=f"Service {number}", created_by=team.owner)
    author = Author(team.owner.id, None)
    for name in NAMES:
        chatbot = making.create(team.organisation.id, author, name, name.title())
        versions.publish(chatbot, author, "The first")
    _write({
        "organisation": team.organisation.id, "calls": calls, "chats": conversations,
        "days": DAYS, "model": MODEL,
    })  # fmt: skip
    usage.rebuild()
    caps.recount()
    return team


def _write(size: dict[str, str | int]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _STATEMENTS:
            cursor.execute(statement, size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


_HOLDS: Final = """
WITH mine AS (
  SELECT array(SELECT id FROM accounts_apikey WHERE organisation_id = %(organisation)s
                 AND kind = 'secret' ORDER BY id) AS keys,
         array(SELECT id FROM chatbots_chatbot WHERE organisation_id = %(organisation)s
                ORDER BY id) AS bots,
         (SELECT id FROM billing_account WHERE organisation_id = %(organisation)s
             AND kind = 'customer') AS account,
         (SELECT id FROM billing_price WHERE model = %(model)s) AS price
)
INSERT INTO billing_hold (
  id, organisation_id, account_id, key_id, chatbot_id, model, price_id, amount, charged, forgiven,
  state, max_output, choices, prompt_tokens, cached_tokens, completion_tokens, finish_reason,
  first_token_ms, duration_ms, lease_until, created_at, closed_at)
SELECT 'gen_' || md5(n::text), %(organisation)s, account, keys[1 + n %% cardinality(keys)],
       CASE WHEN n %% 3 > 0 THEN bots[1 + n %% cardinality(bots)] END, %(model)s, price,
       200000, (200 + n %% 800) * 50 + (20 + n %% 400) * 100, 0,
       'settled', 1024, 1, 200 + n %% 800, 0, 20 + n %% 400, 'stop',
       60 + n %% 500, 700 + n %% 4000, at, at - interval '2 s', at
  FROM mine, generate_series(1, %(calls)s) AS n,
       LATERAL (SELECT now() - interval '1 day' * %(days)s * (1 - n::float / %(calls)s) AS at)
"""
_JOURNALS: Final = """
INSERT INTO billing_journal (
  id, organisation_id, kind, ref, hold_id, actor, note, effective_at, created_at)
SELECT 'jrn_' || substr(id, 5), organisation_id, 'charge', id, id, 'system', '', closed_at,
       closed_at
  FROM billing_hold WHERE organisation_id = %(organisation)s
"""
_ENTRIES: Final = """
INSERT INTO billing_entry (organisation_id, journal_id, account_id, amount, balance_after)
SELECT organisation_id, 'jrn_' || substr(id, 5), side.account, side.sign * charged,
       CASE WHEN side.sign < 0 THEN left_over END
  FROM (SELECT h.*, (SELECT available FROM billing_account a WHERE a.id = h.account_id)
                    - sum(charged) OVER (ORDER BY closed_at, id) AS left_over
          FROM billing_hold h WHERE organisation_id = %(organisation)s) AS told,
       LATERAL (SELECT a.id AS account, CASE a.kind WHEN 'customer' THEN -1 ELSE 1 END AS sign
                  FROM billing_account a WHERE a.organisation_id = told.organisation_id
                   AND a.kind IN ('customer', 'revenue')) AS side
 ORDER BY closed_at, id
"""
_BALANCE: Final = """
UPDATE billing_account SET available = available - (
  SELECT sum(charged) FROM billing_hold WHERE organisation_id = %(organisation)s)
 WHERE organisation_id = %(organisation)s AND kind = 'customer'
"""
_CONVERSATIONS: Final = """
WITH mine AS (
  SELECT array(SELECT id FROM chatbots_chatbot WHERE organisation_id = %(organisation)s
                ORDER BY id) AS bots
)
INSERT INTO chatbots_conversation (
  id, organisation_id, chatbot_id, key_id, is_preview, origin, locale, page, metadata, flagged,
  messages_count, prompt_tokens, completion_tokens, cost_nano, created_at, last_message_at)
SELECT 'chat_' || md5(n::text), %(organisation)s, bots[1 + n %% cardinality(bots)], '', false,
       'https://shop.example', 'en', '{}', '{}', n %% 400 = 0, 4, 900, 120, 57000, at, at
  FROM mine, generate_series(1, %(chats)s) AS n,
       LATERAL (SELECT now() - interval '1 day' * %(days)s * (1 - n::float / %(chats)s) AS at)
"""
_MESSAGES: Final = """
INSERT INTO chatbots_message (
  id, organisation_id, conversation_id, place, role, text, status, response_id, version, model,
  prompt_tokens, completion_tokens, cost_nano, first_token_ms, total_ms, finish_reason,
  error_code, sources, request_id, feedback, feedback_comment, events, cancel_asked, created_at,
  touched_at)
SELECT 'msg_' || md5(c.id || place), organisation_id, c.id, place,
       CASE WHEN asks THEN 'user' ELSE 'assistant' END,
       CASE WHEN asks THEN 'Where is order ' || number || ', and may I return the boots?'
            ELSE 'Order ' || number || ' left us on Monday. You have 60 days to return it.' END,
       CASE WHEN NOT asks AND number %% 97 = 0 THEN 'failed' ELSE 'completed' END,
       '', CASE WHEN asks THEN NULL ELSE 1 END, CASE WHEN asks THEN '' ELSE %(model)s END,
       CASE WHEN asks THEN 0 ELSE 450 END, CASE WHEN asks THEN 0 ELSE 60 END,
       CASE WHEN asks THEN 0 ELSE 28500 END, CASE WHEN asks THEN NULL ELSE 210 END,
       CASE WHEN asks THEN NULL ELSE 900 END, '', '', '[]', '',
       CASE WHEN asks THEN NULL WHEN number %% 50 = 0 THEN 'down'
            WHEN number %% 20 = 0 THEN 'up' END,
       '', 0, false, last_message_at, last_message_at
  FROM (SELECT *, row_number() OVER () AS number FROM chatbots_conversation
         WHERE organisation_id = %(organisation)s) AS c,
       generate_series(1, 4) AS place, LATERAL (SELECT place %% 2 = 1 AS asks)
"""
_REFUSALS: Final = """
INSERT INTO accounts_refusal (organisation_id, key_id, hour, calls)
SELECT organisation_id, id, date_trunc('hour', now(), 'UTC') - interval '1 hour' * n, 1 + n %% 50
  FROM accounts_apikey, generate_series(0, 24 * %(days)s, 8) AS n
 WHERE organisation_id = %(organisation)s AND kind = 'secret'
"""
_STATEMENTS: Final = (
    _HOLDS, _JOURNALS, _ENTRIES, _BALANCE, _CONVERSATIONS, _MESSAGES, _REFUSALS,
)  # fmt: skip
