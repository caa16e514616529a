-- What an organisation's calls have cost in the month: kept in its account's own row, by the
-- statements that move its money anyway, whether a spending cap is set or not.

-- Sum the running month of every account again from the holds.
CREATE OR REPLACE FUNCTION ledger_recount_month() RETURNS void LANGUAGE sql AS $$
  UPDATE billing_account a SET
    month_starts_at = ledger_period_start('month'),
    month_spent = coalesce(m.spent, 0),
    month_held = coalesce(m.held, 0)
  FROM billing_account customer LEFT JOIN (
    SELECT h.account_id, sum(h.charged) AS spent,
           sum(h.amount) FILTER (WHERE h.state = 'open') AS held
    FROM billing_hold h WHERE h.created_at >= ledger_period_start('month') GROUP BY 1
  ) m ON m.account_id = customer.id
  WHERE a.id = customer.id AND a.kind = 'customer'
$$;
