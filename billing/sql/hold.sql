-- Reserve money for calls that are about to run, and keep what they reserved while they run.

-- Nano-dollars for tokens at pico-dollar prices, rounded up once. Of a prompt no more can have been
-- cached than there is, whatever an engine reports.
CREATE OR REPLACE FUNCTION ledger_cost(
  prompt bigint, cached bigint, completion bigint,
  input bigint, cached_input bigint, output bigint
) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((prompt - least(cached, prompt)) * input + least(cached, prompt) * cached_input
          + completion * output + 999) / 1000
$$;

-- The five accounts of an organisation, each made once.
CREATE OR REPLACE FUNCTION ledger_open_accounts(organisation text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO billing_account
    (organisation_id, kind, currency, available, held, overdraft, created_at)
  SELECT organisation, kind, 'USD', 0, 0, 0, now()
  FROM unnest(ARRAY['customer', 'revenue', 'promo', 'clearing', 'writeoff']) AS kind
  ON CONFLICT (organisation_id, kind) DO NOTHING
$$;

-- When the current half-open UTC period began, by the database's clock.
CREATE OR REPLACE FUNCTION ledger_period_start(period text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT CASE period WHEN 'total' THEN timestamptz '1970-01-01 00:00:00+00'
                     ELSE date_trunc(period, now(), 'UTC') END
$$;

-- Make the budget windows that these requests need, one for each meter: a key and all that it was
-- rotated into. A new one starts with what they have paid in the period, so that a budget set in
-- mid-month counts from the month's start.
CREATE OR REPLACE FUNCTION ledger_open_windows(requests jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO billing_budgetwindow (organisation_id, key_id, period, starts_at, spent, held)
  SELECT DISTINCT r.organisation, r.meter, r.period, ledger_period_start(r.period), (
    SELECT coalesce(sum(h.charged), 0)
    FROM billing_hold h JOIN accounts_apikey k ON k.id = h.key_id
    WHERE h.organisation_id = r.organisation AND coalesce(k.origin_id, k.id) = r.meter
      AND h.closed_at >= ledger_period_start(r.period)
  ), 0
  FROM jsonb_to_recordset(requests) AS r(organisation text, meter text, budget bigint, period text)
  WHERE r.budget IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM billing_budgetwindow w
    WHERE w.key_id = r.meter AND w.period = r.period AND w.starts_at = ledger_period_start(r.period)
  )
  ON CONFLICT (key_id, period, starts_at) DO NOTHING
$$;

-- Most output tokens for each choice that `room` pays for; null when output is free.
CREATE OR REPLACE FUNCTION ledger_affordable_output(
  room bigint, prompt bigint, choices bigint, input bigint, output bigint
) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN output = 0 THEN NULL
    WHEN least(room, 9000000000000000) * 1000 < prompt * input THEN -1  -- SQL divides towards zero
    ELSE least(2147483647,
      (least(room, 9000000000000000) * 1000 - prompt * input) / (choices * output))
  END
$$;

-- Decide an array of requests, each on its own and in array order; one row back for each:
-- outcome `held`, `insufficient_balance`, `key_budget_exceeded`, `spending_cap_reached`,
-- `chatbot_budget_exhausted` or `no_price`. Nothing is written before a decision: of refusals stays
-- only when the spending cap caused the first of a month. A known id answers with its first hold.
-- The accounts are locked in id order; an account's lock also guards its organisation's windows.
CREATE OR REPLACE FUNCTION ledger_hold(requests jsonb) RETURNS TABLE (
  outcome text, amount bigint, max_output integer, price text,
  input bigint, cached_input bigint, output bigint, room bigint
) LANGUAGE plpgsql AS $$
DECLARE
  ask record;
  facts record;
  budget record;
  chatbot_room bigint;
  this_month timestamptz := ledger_period_start('month');
BEGIN
  -- A hold lost with a crashing server harms nobody: its call cannot have been charged yet.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM billing_account a WHERE a.kind = 'customer' AND a.organisation_id IN (
    SELECT r ->> 'organisation' FROM jsonb_array_elements(requests) r
  ) ORDER BY a.id FOR UPDATE;
  IF jsonb_path_exists(requests, '$[*].budget ? (@ != null)') THEN
    PERFORM ledger_open_windows(requests);
  END IF;

  FOR ask IN SELECT * FROM jsonb_to_recordset(requests) AS r(
    id text, organisation text, key text, meter text, model text, tier text, prompt bigint,
    max_output integer, choices bigint, least_output integer, budget bigint, period text,
    chatbot text, chatbot_day bigint, chatbot_month bigint
  ) LOOP
    SELECT a.id AS account, a.available + a.overdraft AS affordable, p.*,
           a.spending_cap - CASE WHEN a.month_starts_at >= this_month
                                 THEN a.month_spent + a.month_held ELSE 0 END AS month_room,
           h.amount AS held_before, h.max_output AS granted_before
    INTO facts
    FROM (SELECT ask.organisation AS id) o
    LEFT JOIN billing_account a ON a.organisation_id = o.id AND a.kind = 'customer'
    LEFT JOIN billing_hold h ON h.id = ask.id AND h.organisation_id = o.id
    LEFT JOIN LATERAL (
      SELECT x.id AS price, x.input, x.cached_input, x.output FROM billing_price x
      WHERE x.model = ask.model AND x.tier = ask.tier
        AND (x.id = h.price_id OR h.id IS NULL AND x.effective_from <= now())
      ORDER BY x.effective_from DESC LIMIT 1
    ) p ON true;
    price := facts.price;
    input := facts.input;
    cached_input := facts.cached_input;
    output := facts.output;
    outcome := CASE WHEN facts.held_before IS NOT NULL THEN 'held'
                    WHEN facts.price IS NULL THEN 'no_price' END;
    IF outcome IS NOT NULL THEN
      amount := facts.held_before;
      max_output := facts.granted_before;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF facts.account IS NULL THEN
      PERFORM ledger_open_accounts(ask.organisation);
      SELECT a.id, a.available + a.overdraft INTO facts.account, facts.affordable
      FROM billing_account a
      WHERE a.organisation_id = ask.organisation AND a.kind = 'customer' FOR UPDATE;
    END IF;
    SELECT w.id, ask.budget - w.spent - w.held AS room INTO budget FROM billing_budgetwindow w
    WHERE ask.budget IS NOT NULL AND w.key_id = ask.meter AND w.period = ask.period
      AND w.starts_at = ledger_period_start(ask.period);

    chatbot_room := ledger_chatbot_room(ask.chatbot, ask.chatbot_day, ask.chatbot_month);
    room := least(facts.affordable, budget.room, facts.month_room, chatbot_room);
    max_output := ask.max_output;
    amount := ledger_cost(ask.prompt, 0, ask.choices * max_output, input, cached_input, output);
    IF amount > 0 AND amount > room THEN
      max_output := ledger_affordable_output(room, ask.prompt, ask.choices, input, output);
      IF max_output IS NULL OR max_output < ask.least_output THEN
        outcome := CASE WHEN facts.affordable <= room THEN 'insufficient_balance'
                        WHEN budget.room <= room THEN 'key_budget_exceeded'
                        WHEN facts.month_room <= room THEN 'spending_cap_reached'
                        ELSE 'chatbot_budget_exhausted' END;
        UPDATE billing_account a SET cap_refused_at = now()
        WHERE a.id = facts.account AND outcome = 'spending_cap_reached'
          AND (a.cap_refused_at IS NULL OR a.cap_refused_at < this_month);
        RETURN NEXT;
        CONTINUE;
      END IF;
      amount := ledger_cost(ask.prompt, 0, ask.choices * max_output, input, cached_input, output);
    END IF;

    INSERT INTO billing_hold (
      id, organisation_id, account_id, key_id, window_id, chatbot_id, model, price_id, amount,
      charged, forgiven, state, max_output, choices, prompt_tokens, cached_tokens,
      completion_tokens, lease_until, created_at
    ) VALUES (
      ask.id, ask.organisation, facts.account, ask.key, budget.id, ask.chatbot, ask.model,
      price, amount, 0, 0, 'open', max_output, ask.choices, ask.prompt, 0, 0,
      now() + interval '60 seconds', now()
    );
    IF amount > 0 THEN
      UPDATE billing_budgetwindow w SET held = w.held + ledger_hold.amount WHERE w.id = budget.id;
      PERFORM ledger_chatbot_hold(ask.organisation, ask.chatbot, amount);
      -- A transaction that began in the old month and waited into the new one counts in neither.
      UPDATE billing_account a SET
        available = a.available - ledger_hold.amount,
        held = a.held + ledger_hold.amount,
        month_held = CASE WHEN a.month_starts_at > this_month THEN a.month_held
                          WHEN a.month_starts_at = this_month THEN a.month_held + ledger_hold.amount
                          ELSE ledger_hold.amount END,
        month_spent = CASE WHEN a.month_starts_at >= this_month THEN a.month_spent ELSE 0 END,
        month_starts_at = greatest(a.month_starts_at, this_month)
      WHERE a.id = facts.account;
    END IF;
    outcome := 'held';
    RETURN NEXT;
  END LOOP;
END $$;

-- Extend the leases of running calls and note what they have delivered. A row that is just being
-- closed is skipped: it needs no lease any more.
CREATE OR REPLACE FUNCTION ledger_renew(checkpoints jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  renewed integer;
BEGIN
  -- A checkpoint lost with a crashing server costs at most the second since the one before.
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH live AS (
    SELECT h.id, c.prompt, c.cached, c.completion
    FROM billing_hold h JOIN jsonb_to_recordset(checkpoints)
      AS c(id text, prompt integer, cached integer, completion integer) ON c.id = h.id
    WHERE h.state = 'open' FOR UPDATE OF h SKIP LOCKED
  )
  UPDATE billing_hold h SET
    lease_until = now() + interval '60 seconds',
    prompt_tokens = live.prompt,
    cached_tokens = live.cached,
    completion_tokens = live.completion
  FROM live WHERE h.id = live.id;
  GET DIAGNOSTICS renewed = ROW_COUNT;
  RETURN renewed;
END $$;
