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

CREATE OR REPLACE FUNCTION ledger_chatbot_hold(organisation text, chatbot text, amount bigint)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO billing_chatbotwindow (organisation_id, chatbot_id, period, starts_at, spent, held)
  SELECT organisation, chatbot, period, ledger_period_start(period), 0, amount
  FROM unnest(ARRAY['day', 'month']) AS period WHERE chatbot IS NOT NULL
  ON CONFLICT (chatbot_id, period, starts_at)
  DO UPDATE SET held = billing_chatbotwindow.held + excluded.held
$$;

-- In the periods in which the hold was made.
CREATE OR REPLACE FUNCTION ledger_chatbot_close(
  chatbot text, made timestamptz, released bigint, owed bigint
) RETURNS void LANGUAGE sql AS $$
  UPDATE billing_chatbotwindow w SET held = w.held - released, spent = w.spent + owed
  WHERE w.chatbot_id = chatbot AND w.starts_at = date_trunc(w.period, made, 'UTC')
    AND (released <> 0 OR owed <> 0)
$$;
