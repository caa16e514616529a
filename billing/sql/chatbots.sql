-- What chatbots cost in the current day and month. Every priced call of a chatbot counts, whether a
-- budget is set or not, so one that is set later knows what the period has cost. The windows are
-- changed under the lock of their organisation's account.

-- What the chatbot may still cost; null without a budget.
CREATE OR REPLACE FUNCTION ledger_chatbot_room(chatbot text, day bigint, month bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT min(budget.most - coalesce(w.spent + w.held, 0))
  FROM (VALUES ('day', day), ('month', month)) AS budget(period, most)
  LEFT JOIN billing_chatbotwindow w
    ON w.chatbot_id = chatbot AND w.period = budget.period
   AND w.starts_at = ledger_period_start(budget.period)
  WHERE budget.most IS NOT NULL
$$;

DROP FUNCTION IF EXISTS ledger_chatbot_hold(text, text, bigint);
CREATE OR REPLACE FUNCTION ledger_chatbot_hold(holds billing_hold[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO billing_chatbotwindow (organisation_id, chatbot_id, period, starts_at, spent, held)
  SELECT h.organisation_id, h.chatbot_id, period, ledger_period_start(period), 0, sum(h.amount)
  FROM unnest(holds) h, unnest(ARRAY['day', 'month']) AS period
  WHERE h.chatbot_id IS NOT NULL AND h.amount > 0
  GROUP BY h.organisation_id, h.chatbot_id, period
  ON CONFLICT (chatbot_id, period, starts_at)
  DO UPDATE SET held = billing_chatbotwindow.held + excluded.held
$$;

DROP FUNCTION IF EXISTS ledger_chatbot_close(text, timestamptz, bigint, bigint);
