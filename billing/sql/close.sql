-- Close holds: charge what was delivered and give back the rest, exactly once.

-- Write one charge into the book; a negative one gives back what a sweep took too much.
CREATE OR REPLACE FUNCTION ledger_book_charge(
  organisation text, account bigint, hold text, late boolean, owed bigint, balance bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  journal text := 'jrn_' || CASE WHEN late THEN replace(gen_random_uuid()::text, '-', '')
                                 ELSE substr(hold, 5) END;
BEGIN
  INSERT INTO billing_journal (id, organisation_id, kind, ref, hold_id, actor, note)
  VALUES (journal, organisation, 'charge', hold || CASE WHEN late THEN ':late' ELSE '' END,
          hold, 'system', '');
  INSERT INTO billing_entry (organisation_id, journal_id, account_id, amount, balance_after)
  SELECT organisation, journal, account, -owed, balance
  UNION ALL
  SELECT organisation, journal, a.id, owed, NULL FROM billing_account a
  WHERE a.organisation_id = organisation AND a.kind = 'revenue';
END $$;

-- Each element of `closings` names a hold and the state it goes to:
--   settled  the call ended: charge its tokens
--   voided   it failed before its first token: free
--   expired  its process died: charge the last checkpoint's tokens, nothing if there were none
-- An open hold is closed once. One that was swept while its process still lived can be settled once
-- more: the difference is posted, never more than the hold, and what the balance no longer covers
-- is forgiven. Anything else answers `fresh = false` with what was charged. Rows come back in array
-- order; `state` is null for a hold that does not exist.
-- The holds are locked in id order, then the accounts, the hottest rows, last.
CREATE OR REPLACE FUNCTION ledger_close(closings jsonb) RETURNS TABLE (
  state text, charged bigint, fresh boolean
) LANGUAGE plpgsql AS $$
DECLARE
  closing record;
  was record;
  late boolean;
  released bigint;  -- goes from held back to available
  owed bigint;      -- goes from the customer to us
  uncovered bigint;
  balance bigint;
  in_month timestamptz;
BEGIN
  PERFORM 1 FROM billing_hold h WHERE h.id IN (
    SELECT c ->> 'id' FROM jsonb_array_elements(closings) c
  ) ORDER BY h.id FOR UPDATE;
  PERFORM 1 FROM billing_account a WHERE a.id IN (
    SELECT h.account_id FROM jsonb_array_elements(closings) c
    JOIN billing_hold h ON h.id = c ->> 'id' WHERE h.amount > 0
  ) ORDER BY a.id FOR UPDATE;

  FOR closing IN SELECT * FROM jsonb_to_recordset(closings) AS c(
    id text, state text, prompt integer, cached integer, completion integer,
    finish text, first_token_ms integer, duration_ms integer
  ) LOOP
    SELECT h.*, a.available + a.overdraft AS affordable, p.input, p.cached_input, p.output
    INTO was FROM billing_hold h
    JOIN billing_account a ON a.id = h.account_id
    JOIN billing_price p ON p.id = h.price_id
    WHERE h.id = closing.id;
    state := was.state;
    charged := coalesce(was.charged, 0);
    late := was.state = 'expired'
            AND (closing.state = 'settled' OR closing.state = 'voided' AND was.charged = 0);
    fresh := coalesce(was.state = 'open' OR late, false);
    IF NOT fresh THEN
      RETURN NEXT;
      CONTINUE;
    END IF;

    state := closing.state;
    charged := CASE
      WHEN state = 'voided' OR state = 'expired' AND closing.completion = 0 THEN 0
      ELSE least(was.amount, ledger_cost(closing.prompt, closing.cached, closing.completion,
                                         was.input, was.cached_input, was.output)) END;
    released := CASE WHEN late THEN 0 ELSE was.amount END;  -- a sweep has released it already
    uncovered := CASE WHEN late
      THEN greatest(0, charged - was.charged - greatest(0, was.affordable)) ELSE 0 END;
    charged := charged - uncovered;
    owed := charged - was.charged;

    UPDATE billing_hold h SET
      state = closing.state, charged = ledger_close.charged, forgiven = uncovered,
      prompt_tokens = coalesce(closing.prompt, h.prompt_tokens),
      cached_tokens = coalesce(closing.cached, h.cached_tokens),
      completion_tokens = coalesce(closing.completion, h.completion_tokens),
      finish_reason = closing.finish, first_token_ms = closing.first_token_ms,
      duration_ms = closing.duration_ms, closed_at = coalesce(h.closed_at, now())
    WHERE h.id = closing.id;
    IF late THEN  -- its day may have been rolled up: let it be summed again
      UPDATE billing_usagewatermark w SET day = (was.closed_at AT TIME ZONE 'UTC')::date
      WHERE w.day > (was.closed_at AT TIME ZONE 'UTC')::date;
    END IF;
    IF was.window_id IS NOT NULL AND was.amount > 0 THEN
      UPDATE billing_budgetwindow w SET held = w.held - released, spent = w.spent + owed
      WHERE w.id = was.window_id;
    END IF;
    PERFORM ledger_chatbot_close(was.chatbot_id, was.created_at, released, owed);
    IF released > 0 OR owed <> 0 THEN
      in_month := date_trunc('month', was.created_at, 'UTC');
      UPDATE billing_account a SET
        held = a.held - released,
        available = a.available + released - owed,
        month_held = a.month_held - CASE WHEN a.month_starts_at = in_month THEN released ELSE 0 END,
        month_spent = a.month_spent + CASE WHEN a.month_starts_at = in_month THEN owed ELSE 0 END
      WHERE a.id = was.account_id RETURNING a.available + a.held INTO balance;
    END IF;
    IF owed <> 0 THEN
      PERFORM ledger_book_charge(
        was.organisation_id, was.account_id, was.id, late, owed, balance);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

-- Close up to `most` open holds whose lease has lapsed, at their last checkpoint. Holds that
-- somebody else is closing right now are left to them.
CREATE OR REPLACE FUNCTION ledger_sweep(most integer) RETURNS TABLE (id text, charged bigint)
LANGUAGE plpgsql AS $$
DECLARE
  closings jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_build_object(
    'id', lapsed.id, 'state', 'expired', 'prompt', lapsed.prompt_tokens,
    'cached', lapsed.cached_tokens, 'completion', lapsed.completion_tokens))
  INTO closings FROM (
    SELECT h.* FROM billing_hold h WHERE h.state = 'open' AND h.lease_until < now()
    ORDER BY h.lease_until LIMIT most FOR UPDATE SKIP LOCKED
  ) lapsed;
  RETURN QUERY SELECT swept.closing ->> 'id', swept.charged
  FROM ROWS FROM (ledger_close(coalesce(closings, '[]')), jsonb_array_elements(closings))
    AS swept(state, charged, fresh, closing);
END $$;
