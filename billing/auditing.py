"""Does the book agree with itself? Every sum that is kept twice is compared."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum

from billing.metrics import DRIFT, FORGIVEN
from billing.models import Hold

_QUERY = """
SELECT
  (SELECT coalesce(sum(abs(total)), 0) FROM (
    SELECT sum(amount) AS total FROM billing_entry GROUP BY organisation_id) tenants),
  (SELECT coalesce(sum(abs(a.available + a.held - coalesce(e.total, 0))), 0)
   FROM billing_account a LEFT JOIN (
     SELECT account_id, sum(amount) AS total FROM billing_entry GROUP BY account_id
   ) e ON e.account_id = a.id WHERE a.kind = 'customer'),
  (SELECT coalesce(sum(abs(a.held - coalesce(h.total, 0))), 0)
   FROM billing_account a LEFT JOIN (
     SELECT account_id, sum(amount) AS total FROM billing_hold WHERE state = 'open' GROUP BY 1
   ) h ON h.account_id = a.id WHERE a.kind = 'customer'),
  (SELECT coalesce(sum(abs(w.held - coalesce(h.total, 0))), 0)
   FROM billing_budgetwindow w LEFT JOIN (
     SELECT window_id, sum(amount) AS total FROM billing_hold WHERE state = 'open' GROUP BY 1
   ) h ON h.window_id = w.id) +
  (SELECT coalesce(sum(abs(w.held - (
     SELECT coalesce(sum(h.amount), 0) FROM billing_hold h
     WHERE h.state = 'open' AND h.chatbot_id = w.chatbot_id
       AND date_trunc(w.period, h.created_at, 'UTC') = w.starts_at))), 0)
   FROM billing_chatbotwindow w WHERE w.held <> 0) +
  (SELECT coalesce(sum(abs(a.month_held - (
     SELECT coalesce(sum(h.amount), 0) FROM billing_hold h
     WHERE h.state = 'open' AND h.account_id = a.id
       AND date_trunc('month', h.created_at, 'UTC') = a.month_starts_at))), 0)
   FROM billing_account a WHERE a.kind = 'customer'),
  (SELECT coalesce(sum(abs(h.charged - coalesce(e.total, 0))), 0)
   FROM billing_hold h LEFT JOIN (
     SELECT j.hold_id, -sum(e.amount) AS total FROM billing_journal j
     JOIN billing_entry e ON e.journal_id = j.id
     JOIN billing_account a ON a.id = e.account_id AND a.kind = 'customer'
     WHERE j.kind = 'charge' GROUP BY 1
   ) e ON e.hold_id = h.id)
"""


@dataclass(frozen=True, slots=True)
class Drift:
    """Nano-dollars of disagreement; all zero in health."""

    entries: int  # the entries of a tenant, against zero
    balances: int  # available + held, against the account's entries
    holds: int  # held, against the open holds
    budgets: int  # held in budget windows and months, against the open holds
    charges: int  # what holds say was charged, against the book

    @property
    def total(self) -> int:
        return self.entries + self.balances + self.holds + self.budgets + self.charges


def audit() -> Drift:
    """Compare in one statement, so at one moment; exported as the metric `ledger_drift`."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY)
        row = cursor.fetchone()
    drift = Drift(*(int(value) for value in row))
    DRIFT.set(drift.total)
    FORGIVEN.set(forgiven())
    return drift


def forgiven() -> int:
    """Nano-dollars of late charges that no balance covered any more, ever."""
    return int(Hold.objects.aggregate(total=Sum("forgiven"))["total"] or 0)
