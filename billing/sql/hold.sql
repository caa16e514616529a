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

-- A plan made for a table that is known to have a handful of rows reads it whole, by whatever index, and
-- lasts until the table is looked at again. Of one that was never looked at Postgres assumes pages.
ALTER TABLE billing_hold SET (autovacuum_analyze_threshold = 5000,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = 5000);
ALTER TABLE billing_journal SET (autovacuum_analyze_threshold = 5000,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = 5000);
ALTER TABLE billing_entry SET (autovacuum_analyze_threshold = 5000,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = 5000);

-- Decide an array of requests, each on its own and in array order; one row back for each:
-- outcome `held`, `insufficient_balance`, `key_budget_exceeded`, `spending_cap_reached`,
-- `chatbot_budget_exhausted`, `no_price` or `key_changed` (the key of `digest` is not good any more, or
-- its `stamp` is another one). A refusal leaves nothing behind, except when it is the
-- spending cap's first of a month; a known id answers with its first hold. All is decided before
-- holds are written, and they are written together: a statement costs more than its rows. One alone is
-- written by plain statements, which cost less.
-- The accounts are locked in id order; an account's lock also guards its organisation's windows.
-- Plans last as long as their connection; made while the tables are small they would read them whole.
CREATE OR REPLACE FUNCTION ledger_hold(requests jsonb) RETURNS TABLE (
  outcome text, amount bigint, max_output integer, price text,
  input bigint, cached_input bigint, output bigint, room bigint
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  ask record;
  hold billing_hold;
  holds billing_hold[] := '{}';
  promised jsonb := '{}';  -- by `holds`, from each account, window and chatbot
  of_account bigint;
  of_window bigint;
  of_chatbot bigint;
  this_month timestamptz := ledger_period_start('month');
  several boolean := jsonb_array_length(requests) > 1;
  has_budgets boolean := jsonb_path_exists(requests, '$[*].budget ? (@ != null)');
BEGIN
  -- A hold lost with a crashing server harms nobody: its call cannot have been charged yet.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM billing_account a WHERE a.kind = 'customer' AND a.organisation_id = ANY (ARRAY(
    SELECT r ->> 'organisation' FROM jsonb_array_elements(requests) r
  )) ORDER BY a.id FOR UPDATE;
  IF has_budgets THEN
    PERFORM ledger_open_windows(requests);
  END IF;

  FOR ask IN
    SELECT r.*, a.id AS account, a.available + a.overdraft AS affordable,
           a.spending_cap - CASE WHEN a.month_starts_at >= this_month
                                 THEN a.month_spent + a.month_held ELSE 0 END AS month_room,
           h.amount AS held_before, h.max_output AS granted_before,
           p.id AS price, p.input, p.cached_input, p.output,
           w.id AS budget_window, r.budget - w.spent - w.held AS budget_room,
           CASE WHEN r.chatbot IS NOT NULL THEN
             ledger_chatbot_room(r.chatbot, r.chatbot_day, r.chatbot_month) END AS chatbot_room,
           r.digest IS NOT NULL AND r.stamp IS DISTINCT FROM (
             SELECT k.stamp FROM accounts_good_keys() k WHERE k.digest = r.digest) AS key_changed
    FROM ROWS FROM (jsonb_to_recordset(requests) AS (
      id text, organisation text, key text, meter text, model text, tier text, prompt bigint,
      max_output integer, choices bigint, least_output integer, budget bigint, period text,
      chatbot text, chatbot_day bigint, chatbot_month bigint, digest text, stamp text
    )) WITH ORDINALITY AS r(
      id, organisation, key, meter, model, tier, prompt, max_output, choices, least_output,
      budget, period, chatbot, chatbot_day, chatbot_month, digest, stamp, place
    )
    LEFT JOIN billing_account a ON a.organisation_id = r.organisation AND a.kind = 'customer'
    LEFT JOIN billing_hold h ON h.id = r.id AND h.organisation_id = r.organisation
    LEFT JOIN LATERAL (
      SELECT x.id, x.input, x.cached_input, x.output FROM billing_price x
      WHERE x.model = r.model AND x.tier = r.tier
        AND (x.id = h.price_id OR h.id IS NULL AND x.effective_from <= now())
      ORDER BY x.effective_from DESC LIMIT 1
    ) p ON true
    LEFT JOIN billing_budgetwindow w ON r.budget IS NOT NULL AND w.key_id = r.meter
      AND w.period = r.period AND w.starts_at = ledger_period_start(r.period)
    ORDER BY r.place
  LOOP
    price := ask.price;
    input := ask.input;
    cached_input := ask.cached_input;
    output := ask.output;
    outcome := CASE WHEN ask.key_changed THEN 'key_changed'
                    WHEN ask.held_before IS NOT NULL THEN 'held'
                    WHEN price IS NULL THEN 'no_price' END;
    IF outcome IS NOT NULL THEN
      amount := ask.held_before;
      max_output := ask.granted_before;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF ask.account IS NULL THEN
      PERFORM ledger_open_accounts(ask.organisation);
      SELECT a.id, a.available + a.overdraft INTO ask.account, ask.affordable
      FROM billing_account a
      WHERE a.organisation_id = ask.organisation AND a.kind = 'customer' FOR UPDATE;
    END IF;

    IF several THEN  -- what those before it have been promised
      of_account := coalesce((promised ->> ('account ' || ask.account))::bigint, 0);
      of_window := coalesce((promised ->> ('window ' || ask.budget_window))::bigint, 0);
      of_chatbot := coalesce((promised ->> ('chatbot ' || ask.chatbot))::bigint, 0);
      ask.affordable := ask.affordable - of_account;
      ask.month_room := ask.month_room - of_account;
      ask.budget_room := ask.budget_room - of_window;
      ask.chatbot_room := ask.chatbot_room - of_chatbot;
    END IF;
    room := least(ask.affordable, ask.budget_room, ask.month_room, ask.chatbot_room);
    max_output := ask.max_output;
    amount := ledger_cost(ask.prompt, 0, ask.choices * max_output, input, cached_input, output);
    IF amount > 0 AND amount > room THEN
      max_output := ledger_affordable_output(room, ask.prompt, ask.choices, input, output);
      IF max_output IS NULL OR max_output < ask.least_output THEN
        outcome := CASE WHEN ask.affordable <= room THEN 'insufficient_balance'
                        WHEN ask.budget_room <= room THEN 'key_budget_exceeded'
                        WHEN ask.month_room <= room THEN 'spending_cap_reached'
                        ELSE 'chatbot_budget_exhausted' END;
        IF outcome = 'spending_cap_reached' THEN
          UPDATE billing_account a SET cap_refused_at = now()
          WHERE a.id = ask.account
            AND (a.cap_refused_at IS NULL OR a.cap_refused_at < this_month);
        END IF;
        RETURN NEXT;
        CONTINUE;
      END IF;
      amount := ledger_cost(ask.prompt, 0, ask.choices * max_output, input, cached_input, output);
    END IF;

    IF several THEN
      promised := promised || jsonb_build_object(
        'account ' || ask.account, of_account + amount,
        'window ' || coalesce(ask.budget_window, 0), of_window + amount,
        'chatbot ' || coalesce(ask.chatbot, ''), of_chatbot + amount);
    END IF;
    hold.id := ask.id;
    hold.organisation_id := ask.organisation;
    hold.account_id := ask.account;
    hold.key_id := ask.key;
    hold.window_id := ask.budget_window;
    hold.chatbot_id := ask.chatbot;
    hold.model := ask.model;
    hold.price_id := price;
    hold.amount := amount;
    hold.charged := 0;
    hold.forgiven := 0;
    hold.state := 'open';
    hold.max_output := max_output;
    hold.choices := ask.choices;
    hold.prompt_tokens := ask.prompt;
    hold.cached_tokens := 0;
    hold.completion_tokens := 0;
    hold.lease_until := now() + interval '60 seconds';
    hold.created_at := now();
    holds := holds || hold;
    outcome := 'held';
    RETURN NEXT;
  END LOOP;

  IF has_budgets THEN
    UPDATE billing_budgetwindow w SET held = w.held + h.promised
    FROM (SELECT window_id, sum(h.amount)::bigint AS promised FROM unnest(holds) h GROUP BY 1) h
    WHERE w.id = h.window_id;
  END IF;
  IF jsonb_path_exists(requests, '$[*].chatbot ? (@ != null)') THEN
    PERFORM ledger_chatbot_hold(holds);
  END IF;
  -- A transaction that began in the old month and waited into the new one counts in neither.
  IF cardinality(holds) = 1 THEN
    UPDATE billing_account a SET
      available = a.available - hold.amount,
      held = a.held + hold.amount,
      month_held = CASE WHEN a.month_starts_at > this_month THEN a.month_held
                        WHEN a.month_starts_at = this_month THEN a.month_held + hold.amount
                        ELSE hold.amount END,
      month_spent = CASE WHEN a.month_starts_at >= this_month THEN a.month_spent ELSE 0 END,
      month_starts_at = greatest(a.month_starts_at, this_month)
    WHERE a.id = hold.account_id AND hold.amount > 0;
    INSERT INTO billing_hold VALUES (hold.*);
    RETURN;
  END IF;
  UPDATE billing_account a SET
    available = a.available - h.promised,
    held = a.held + h.promised,
    month_held = CASE WHEN a.month_starts_at > this_month THEN a.month_held
                      WHEN a.month_starts_at = this_month THEN a.month_held + h.promised
                      ELSE h.promised END,
    month_spent = CASE WHEN a.month_starts_at >= this_month THEN a.month_spent ELSE 0 END,
    month_starts_at = greatest(a.month_starts_at, this_month)
  FROM (SELECT account_id, sum(h.amount)::bigint AS promised FROM unnest(holds) h GROUP BY 1) h
  WHERE a.id = h.account_id AND h.promised > 0;
  INSERT INTO billing_hold SELECT * FROM unnest(holds);
END $$;

-- Extend the leases of running calls and note what they have delivered. A row that is just being
-- closed is skipped: it needs no lease any more.
CREATE OR REPLACE FUNCTION ledger_renew(checkpoints jsonb) RETURNS integer LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  renewed integer;
BEGIN
  -- A checkpoint lost with a crashing server costs at most the second since the one before.
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH live AS (
    SELECT h.id FROM billing_hold h
    WHERE h.id = ANY (ARRAY(SELECT c ->> 'id' FROM jsonb_array_elements(checkpoints) c))
      AND h.closed_at IS NULL FOR UPDATE SKIP LOCKED
  )
  UPDATE billing_hold h SET
    lease_until = now() + interval '60 seconds',
    prompt_tokens = c.prompt,
    cached_tokens = c.cached,
    completion_tokens = c.completion
  FROM jsonb_to_recordset(checkpoints)
    AS c(id text, prompt integer, cached integer, completion integer)
  WHERE h.id = ANY (ARRAY(SELECT id FROM live)) AND h.id = c.id;
  GET DIAGNOSTICS renewed = ROW_COUNT;
  RETURN renewed;
END $$;
