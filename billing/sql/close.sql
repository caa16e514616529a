-- Close holds: charge what was delivered and give back the rest, exactly once.

DROP FUNCTION IF EXISTS ledger_book_charge(text, bigint, text, boolean, bigint, bigint);
DROP FUNCTION IF EXISTS ledger_close(jsonb);
DROP FUNCTION IF EXISTS ledger_close_each(jsonb);
DROP TYPE IF EXISTS ledger_closing;

-- What has been decided of one hold. `late`: it had been swept; `released` is what it still held.
CREATE TYPE ledger_closing AS (
  id text, organisation_id text, account_id bigint, window_id bigint, chatbot_id text,
  created_at timestamptz, in_month boolean, late boolean, state text,
  prompt integer, cached integer, completion integer,
  finish text, first_token_ms integer, duration_ms integer,
  released bigint, paid bigint, charged bigint, forgiven bigint, balance bigint, journal_id text
);

-- Each element of `closings` names a hold and the state it goes to:
--   settled  the call ended: charge its tokens
--   voided   it failed before its first token: free
--   expired  its process died: charge the last checkpoint's tokens, nothing if there were none
-- An open hold is closed once. One that was swept while its process still lived can be settled once
-- more: the difference is posted, never more than the hold, and what the balance no longer covers
-- is forgiven. Anything else answers `fresh = false` with what was charged. `place` is where in the array
-- a row's element stands; `state` is null for a hold that does not exist.
-- The holds are locked in id order, then the accounts, the hottest rows, last. All is decided, then
-- written, by one statement a table: a statement costs more than its rows. One closing alone, the usual
-- batch of a server that is not busy, is written by plain statements, which cost a fifth less.
-- Free calls lock no account, and so must change no window: it is its organisation's account that
-- guards them.
-- Plans last as long as their connection; made while the tables are small they would read them whole.
CREATE FUNCTION ledger_close_each(closings jsonb) RETURNS TABLE (
  place bigint, state text, charged bigint, fresh boolean
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  ids text[] := ARRAY(SELECT c ->> 'id' FROM jsonb_array_elements(closings) c);
  ask record;
  one ledger_closing;
  done ledger_closing[] := '{}';
  owed bigint;  -- from the customer to us
  moved bigint;  -- by `done`, to what the account has available
  spent bigint;  -- by `done`, of the account's balance
  late_since timestamptz;
  has_windows boolean := false;
  has_chatbots boolean := false;
BEGIN
  PERFORM 1 FROM billing_hold h WHERE h.id = ANY (ids) ORDER BY h.id FOR UPDATE;
  PERFORM 1 FROM billing_account a WHERE a.id = ANY (ARRAY(
    SELECT h.account_id FROM billing_hold h WHERE h.id = ANY (ids) AND h.amount > 0
  )) ORDER BY a.id FOR UPDATE;

  FOR ask IN
    SELECT c.*, h.organisation_id, h.account_id, h.window_id, h.chatbot_id, h.created_at,
           h.closed_at, h.state AS was, h.amount, h.charged AS charged_before,
           ledger_cost(c.prompt, c.cached, c.completion, p.input, p.cached_input, p.output) AS cost,
           a.available + a.overdraft AS affordable, a.available + a.held AS balance,
           date_trunc('month', h.created_at, 'UTC') = a.month_starts_at AS in_month
    FROM ROWS FROM (jsonb_to_recordset(closings) AS (
      id text, state text, prompt integer, cached integer, completion integer,
      finish text, first_token_ms integer, duration_ms integer
    )) WITH ORDINALITY AS c(
      id, state, prompt, cached, completion, finish, first_token_ms, duration_ms, place
    )
    LEFT JOIN billing_hold h ON h.id = c.id
    LEFT JOIN billing_price p ON p.id = h.price_id
    LEFT JOIN billing_account a ON a.id = h.account_id
    ORDER BY h.account_id, c.id, c.place
  LOOP
    place := ask.place;
    fresh := false;
    IF ask.id = one.id THEN  -- of several that could close a hold the first does
      state := one.state;
      charged := one.charged;
    ELSE
      state := ask.was;
      charged := coalesce(ask.charged_before, 0);
      fresh := CASE ask.was
        WHEN 'open' THEN true
        WHEN 'expired' THEN ask.state = 'settled' OR ask.state = 'voided' AND charged = 0
        ELSE false END;
    END IF;
    IF NOT fresh THEN
      RETURN NEXT;
      CONTINUE;
    END IF;

    IF ask.account_id IS DISTINCT FROM one.account_id THEN
      moved := 0;
      spent := 0;
    END IF;
    one.id := ask.id;
    one.organisation_id := ask.organisation_id;
    one.account_id := ask.account_id;
    one.window_id := ask.window_id;
    one.chatbot_id := ask.chatbot_id;
    one.created_at := ask.created_at;
    one.in_month := coalesce(ask.in_month, false);
    one.late := ask.was = 'expired';
    one.state := ask.state;
    one.prompt := ask.prompt;
    one.cached := ask.cached;
    one.completion := ask.completion;
    one.finish := ask.finish;
    one.first_token_ms := ask.first_token_ms;
    one.duration_ms := ask.duration_ms;
    one.released := CASE WHEN one.late THEN 0 ELSE ask.amount END;  -- or the sweep did it
    owed := CASE WHEN ask.state = 'voided' OR ask.state = 'expired' AND ask.completion = 0 THEN 0
                 ELSE least(ask.amount, ask.cost) END - charged;
    -- Only late ones can find the balance short.
    one.paid := CASE WHEN one.late THEN least(owed, greatest(0, ask.affordable + moved))
                     ELSE owed END;
    one.forgiven := owed - one.paid;
    one.charged := charged + one.paid;
    moved := moved + one.released - one.paid;
    spent := spent + one.paid;
    one.balance := ask.balance - spent;
    one.journal_id := 'jrn_' || CASE WHEN one.late THEN replace(gen_random_uuid()::text, '-', '')
                                     ELSE substr(one.id, 5) END;
    done := done || one;
    IF one.late THEN
      late_since := least(late_since, ask.closed_at);
    END IF;
    has_windows := has_windows OR one.window_id IS NOT NULL;
    has_chatbots := has_chatbots OR one.chatbot_id IS NOT NULL;
    state := one.state;
    charged := one.charged;
    RETURN NEXT;
  END LOOP;

  IF late_since IS NOT NULL THEN  -- the days of late ones may have been rolled up
    UPDATE billing_usagewatermark w SET day = (late_since AT TIME ZONE 'UTC')::date
    WHERE w.day > (late_since AT TIME ZONE 'UTC')::date;
  END IF;
  IF has_windows THEN
    UPDATE billing_budgetwindow w SET held = w.held - d.released, spent = w.spent + d.paid
    FROM (SELECT window_id, sum(released) AS released, sum(paid) AS paid
          FROM unnest(done) WHERE released > 0 OR paid <> 0 GROUP BY 1) d
    WHERE w.id = d.window_id;
  END IF;
  IF has_chatbots THEN  -- in the periods in which the holds were made
    UPDATE billing_chatbotwindow w SET held = w.held - d.released, spent = w.spent + d.paid
    FROM (SELECT chatbot_id, period, date_trunc(period, created_at, 'UTC') AS starts_at,
                 sum(released) AS released, sum(paid) AS paid
          FROM unnest(done), unnest(ARRAY['day', 'month']) AS period
          WHERE released > 0 OR paid <> 0 GROUP BY 1, 2, 3) d
    WHERE w.chatbot_id = d.chatbot_id AND w.period = d.period AND w.starts_at = d.starts_at;
  END IF;
  IF cardinality(done) = 1 THEN
    UPDATE billing_hold h SET
      state = one.state, charged = one.charged, forgiven = one.forgiven,
      prompt_tokens = coalesce(one.prompt, h.prompt_tokens),
      cached_tokens = coalesce(one.cached, h.cached_tokens),
      completion_tokens = coalesce(one.completion, h.completion_tokens),
      finish_reason = one.finish, first_token_ms = one.first_token_ms,
      duration_ms = one.duration_ms, closed_at = coalesce(h.closed_at, now())
    WHERE h.id = one.id;
    IF one.released > 0 OR one.paid <> 0 THEN
      UPDATE billing_account a SET
        held = a.held - one.released, available = a.available + one.released - one.paid,
        month_held = a.month_held - CASE WHEN one.in_month THEN one.released ELSE 0 END,
        month_spent = a.month_spent + CASE WHEN one.in_month THEN one.paid ELSE 0 END
      WHERE a.id = one.account_id;
    END IF;
    IF one.paid <> 0 THEN
      INSERT INTO billing_journal (id, organisation_id, kind, ref, hold_id, actor, note)
      VALUES (one.journal_id, one.organisation_id, 'charge',
              one.id || CASE WHEN one.late THEN ':late' ELSE '' END, one.id, 'system', '');
      INSERT INTO billing_entry (organisation_id, journal_id, account_id, amount, balance_after)
      VALUES (one.organisation_id, one.journal_id, one.account_id, -one.paid, one.balance),
             (one.organisation_id, one.journal_id, (
               SELECT ours.id FROM billing_account ours
               WHERE ours.organisation_id = one.organisation_id AND ours.kind = 'revenue'
             ), one.paid, NULL);
    END IF;
    RETURN;
  END IF;
  UPDATE billing_hold h SET
    state = d.state, charged = d.charged, forgiven = d.forgiven,
    prompt_tokens = coalesce(d.prompt, h.prompt_tokens),
    cached_tokens = coalesce(d.cached, h.cached_tokens),
    completion_tokens = coalesce(d.completion, h.completion_tokens),
    finish_reason = d.finish, first_token_ms = d.first_token_ms,
    duration_ms = d.duration_ms, closed_at = coalesce(h.closed_at, now())
  FROM unnest(done) d WHERE h.id = d.id;
  UPDATE billing_account a SET
    held = a.held - d.released, available = a.available + d.released - d.paid,
    month_held = a.month_held - d.month_released, month_spent = a.month_spent + d.month_paid
  FROM (SELECT account_id, sum(released) AS released, sum(paid) AS paid,
               coalesce(sum(released) FILTER (WHERE in_month), 0) AS month_released,
               coalesce(sum(paid) FILTER (WHERE in_month), 0) AS month_paid
        FROM unnest(done) WHERE released > 0 OR paid <> 0 GROUP BY 1) d
  WHERE a.id = d.account_id;
  INSERT INTO billing_journal (id, organisation_id, kind, ref, hold_id, actor, note)
  SELECT journal_id, organisation_id, 'charge', id || CASE WHEN late THEN ':late' ELSE '' END,
         id, 'system', ''
  FROM unnest(done) WHERE paid <> 0;
  INSERT INTO billing_entry (organisation_id, journal_id, account_id, amount, balance_after)
  SELECT d.organisation_id, d.journal_id, leg.account_id, leg.amount, leg.balance
  FROM unnest(done) d
  JOIN billing_account ours ON ours.organisation_id = d.organisation_id AND ours.kind = 'revenue'
  CROSS JOIN LATERAL (
    VALUES (d.account_id, -d.paid, d.balance), (ours.id, d.paid, NULL)
  ) AS leg(account_id, amount, balance)
  WHERE d.paid <> 0 ORDER BY d.account_id, d.id;  -- as `balance` was made
END $$;

-- The same, in array order.
CREATE FUNCTION ledger_close(closings jsonb) RETURNS TABLE (
  state text, charged bigint, fresh boolean
) LANGUAGE sql AS $$
  SELECT c.state, c.charged, c.fresh FROM ledger_close_each(closings) c ORDER BY c.place
$$;

-- As `ledger_close`, in two transactions: the first lets go of the locks without waiting for the disk,
-- the second returns when the disk has both. So nobody is told of a charge that could be forgotten,
-- and calls of one organisation do not wait for each other's flush.
CREATE OR REPLACE PROCEDURE ledger_close_at_once(closings jsonb, INOUT closed jsonb)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT jsonb_agg(jsonb_build_array(c.state, c.charged, c.fresh) ORDER BY c.place) INTO closed
  FROM ledger_close_each(closings) c;
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
  RETURN QUERY SELECT closings -> (swept.place - 1)::integer ->> 'id', swept.charged
  FROM ledger_close_each(coalesce(closings, '[]')) swept;
END $$;
