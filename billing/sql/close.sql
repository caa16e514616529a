-- Close holds: charge what was delivered and give back the rest, exactly once.

DROP FUNCTION IF EXISTS ledger_book_charge(text, bigint, text, boolean, bigint, bigint);

-- Each element of `closings` names a hold and the state it goes to:
--   settled  the call ended: charge its tokens
--   voided   it failed before its first token: free
--   expired  its process died: charge the last checkpoint's tokens, nothing if there were none
-- An open hold is closed once. One that was swept while its process still lived can be settled once
-- more: the difference is posted, never more than the hold, and what the balance no longer covers
-- is forgiven. Anything else answers `fresh = false` with what was charged. Rows come back in array
-- order; `state` is null for a hold that does not exist.
-- The holds are locked in id order, then the accounts, the hottest rows, last. Then one statement
-- decides and writes for all of them: a statement costs more than its rows. Free calls lock no
-- account, and so must change no window: it is its organisation's account that guards them.
-- Plans last as long as their connection; made while the tables are small they would read them whole.
CREATE OR REPLACE FUNCTION ledger_close(closings jsonb) RETURNS TABLE (
  state text, charged bigint, fresh boolean
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  ids text[] := ARRAY(SELECT c ->> 'id' FROM jsonb_array_elements(closings) c);
BEGIN
  PERFORM 1 FROM billing_hold h WHERE h.id = ANY (ids) ORDER BY h.id FOR UPDATE;
  PERFORM 1 FROM billing_account a WHERE a.id = ANY (ARRAY(
    SELECT h.account_id FROM billing_hold h WHERE h.id = ANY (ids) AND h.amount > 0
  )) ORDER BY a.id FOR UPDATE;

  RETURN QUERY WITH
  asked AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset(closings) AS (
      id text, state text, prompt integer, cached integer, completion integer,
      finish text, first_token_ms integer, duration_ms integer
    )) WITH ORDINALITY AS c(
      id, state, prompt, cached, completion, finish, first_token_ms, duration_ms, place
    )
  ),
  costed AS (  -- of several that could close a hold the first does
    SELECT DISTINCT ON (h.id) c.*, h.organisation_id, h.account_id, h.window_id, h.chatbot_id,
           h.created_at, h.charged AS charged_before, h.closed_at AS closed_before,
           h.state = 'expired' AS late,
           CASE WHEN h.state = 'open' THEN h.amount ELSE 0 END AS released,  -- or the sweep did
           CASE WHEN c.state = 'voided' OR c.state = 'expired' AND c.completion = 0 THEN 0
                ELSE least(h.amount, ledger_cost(c.prompt, c.cached, c.completion,
                                                 p.input, p.cached_input, p.output))
           END - h.charged AS owed  -- from the customer to us
    FROM asked c JOIN billing_hold h ON h.id = c.id JOIN billing_price p ON p.id = h.price_id
    WHERE CASE h.state
            WHEN 'open' THEN true
            WHEN 'expired' THEN c.state = 'settled' OR c.state = 'voided' AND h.charged = 0 END
    ORDER BY h.id, c.place
  ),
  covered AS (  -- late ones come first: only they can find the balance short
    SELECT c.*, a.available + a.held AS balance_before,
           date_trunc('month', c.created_at, 'UTC') = a.month_starts_at AS in_month,
           CASE WHEN c.late THEN least(c.owed, greatest(0,
             a.available + a.overdraft - coalesce(sum(c.owed) OVER (
               PARTITION BY c.account_id ORDER BY NOT c.late, c.owed, c.place
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)))
           ELSE c.owed END::bigint AS paid
    FROM costed c JOIN billing_account a ON a.id = c.account_id
  ),
  done AS MATERIALIZED (
    SELECT c.*, charged_before + paid AS charged_now,
           balance_before - sum(paid) OVER (
             PARTITION BY account_id ORDER BY NOT late, owed, place) AS balance,
           'jrn_' || CASE WHEN late THEN replace(gen_random_uuid()::text, '-', '')
                          ELSE substr(id, 5) END AS journal_id
    FROM covered c
  ),
  closed AS (
    UPDATE billing_hold h SET
      state = d.state, charged = d.charged_now, forgiven = d.owed - d.paid,
      prompt_tokens = coalesce(d.prompt, h.prompt_tokens),
      cached_tokens = coalesce(d.cached, h.cached_tokens),
      completion_tokens = coalesce(d.completion, h.completion_tokens),
      finish_reason = d.finish, first_token_ms = d.first_token_ms,
      duration_ms = d.duration_ms, closed_at = coalesce(h.closed_at, now())
    FROM done d WHERE h.id = d.id
  ),
  summed_again AS (  -- the days of late ones may have been rolled up
    UPDATE billing_usagewatermark w SET day = late.day
    FROM (SELECT min((closed_before AT TIME ZONE 'UTC')::date) AS day FROM done WHERE late) late
    WHERE w.day > late.day
  ),
  windows AS (
    UPDATE billing_budgetwindow w SET held = w.held - d.released, spent = w.spent + d.paid
    FROM (SELECT window_id, sum(released) AS released, sum(paid) AS paid
          FROM done WHERE window_id IS NOT NULL AND (released > 0 OR paid <> 0) GROUP BY 1) d
    WHERE w.id = d.window_id
  ),
  chatbots AS (  -- in the periods in which the holds were made
    UPDATE billing_chatbotwindow w SET held = w.held - d.released, spent = w.spent + d.paid
    FROM (SELECT chatbot_id, period, date_trunc(period, created_at, 'UTC') AS starts_at,
                 sum(released) AS released, sum(paid) AS paid
          FROM done, unnest(ARRAY['day', 'month']) AS period
          WHERE chatbot_id IS NOT NULL AND (released > 0 OR paid <> 0) GROUP BY 1, 2, 3) d
    WHERE w.chatbot_id = d.chatbot_id AND w.period = d.period AND w.starts_at = d.starts_at
  ),
  accounts AS (
    UPDATE billing_account a SET
      held = a.held - d.released, available = a.available + d.released - d.paid,
      month_held = a.month_held - d.month_released, month_spent = a.month_spent + d.month_paid
    FROM (SELECT account_id, sum(released) AS released, sum(paid) AS paid,
                 coalesce(sum(released) FILTER (WHERE in_month), 0) AS month_released,
                 coalesce(sum(paid) FILTER (WHERE in_month), 0) AS month_paid
          FROM done WHERE released > 0 OR paid <> 0 GROUP BY 1) d
    WHERE a.id = d.account_id
  ),
  journals AS (
    INSERT INTO billing_journal (id, organisation_id, kind, ref, hold_id, actor, note)
    SELECT journal_id, organisation_id, 'charge', id || CASE WHEN late THEN ':late' ELSE '' END,
           id, 'system', ''
    FROM done WHERE paid <> 0
  ),
  entries AS (
    INSERT INTO billing_entry (organisation_id, journal_id, account_id, amount, balance_after)
    SELECT d.organisation_id, d.journal_id, leg.account_id, leg.amount, leg.balance
    FROM done d
    JOIN billing_account ours ON ours.organisation_id = d.organisation_id AND ours.kind = 'revenue'
    CROSS JOIN LATERAL (
      VALUES (d.account_id, -d.paid, d.balance), (ours.id, d.paid, NULL)
    ) AS leg(account_id, amount, balance)
    WHERE d.paid <> 0 ORDER BY NOT d.late, d.owed, d.place
  )
  SELECT coalesce(d.state, h.state)::text, coalesce(d.charged_now, h.charged, 0),
         coalesce(d.place = c.place, false)
  FROM asked c LEFT JOIN billing_hold h ON h.id = c.id LEFT JOIN done d ON d.id = c.id
  ORDER BY c.place;
END $$;

-- As `ledger_close`, in two transactions: the first lets go of the locks without waiting for the disk,
-- the second returns when the disk has both. So nobody is told of a charge that could be forgotten,
-- and calls of one organisation do not wait for each other's flush.
CREATE OR REPLACE PROCEDURE ledger_close_at_once(closings jsonb, INOUT closed jsonb)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT jsonb_agg(jsonb_build_array(c.state, c.charged, c.fresh)) INTO closed
  FROM ledger_close(closings) c;
  COMMIT;
  PERFORM pg_logical_emit_message(true, 'ledger', '');  -- something to wait for
END $$;

-- Close up to `most` open holds whose lease has lapsed, at their last checkpoint. Holds that
-- somebody else is closing right now are left to them; those of an account that is locked, to the next
-- sweep, so that the others do not wait.
CREATE OR REPLACE FUNCTION ledger_sweep(most integer) RETURNS TABLE (id text, charged bigint)
LANGUAGE plpgsql AS $$
DECLARE
  closings jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_build_object(
    'id', lapsed.id, 'state', 'expired', 'prompt', lapsed.prompt_tokens,
    'cached', lapsed.cached_tokens, 'completion', lapsed.completion_tokens))
  INTO closings FROM (
    SELECT h.* FROM billing_hold h JOIN billing_account a ON a.id = h.account_id
    WHERE h.state = 'open' AND h.lease_until < now()
    ORDER BY h.lease_until LIMIT most FOR UPDATE SKIP LOCKED
  ) lapsed;
  RETURN QUERY SELECT swept.closing ->> 'id', swept.charged
  FROM ROWS FROM (ledger_close(coalesce(closings, '[]')), jsonb_array_elements(closings))
    AS swept(state, charged, fresh, closing);
END $$;
