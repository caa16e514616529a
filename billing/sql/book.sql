-- The book's own rules: append-only rows, journals that sum to zero, crossings of the low-balance line.

CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or deleted; write a new one', TG_TABLE_NAME
    USING ERRCODE = 'SL001';
END $$;

CREATE OR REPLACE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE ON billing_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE OR REPLACE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE ON billing_journal
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE OR REPLACE TRIGGER price_is_immutable BEFORE UPDATE OR DELETE ON billing_price
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE OR REPLACE TRIGGER hold_is_not_deleted BEFORE DELETE ON billing_hold
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();

-- The past keeps its prices. (A minute for the clocks of servers that differ.)
CREATE OR REPLACE FUNCTION ledger_check_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.effective_from < now() - interval '1 minute' THEN
    RAISE EXCEPTION 'a price cannot begin in the past' USING ERRCODE = 'SL003';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER price_is_not_backdated BEFORE INSERT ON billing_price
  FOR EACH ROW EXECUTE FUNCTION ledger_check_price();

-- The entries of a journal are written by one statement; it is checked once for all of them.
DROP TRIGGER IF EXISTS journal_sums_to_zero ON billing_entry;
DROP FUNCTION IF EXISTS ledger_check_journal();
CREATE OR REPLACE FUNCTION ledger_check_journals() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  wrong record;
BEGIN
  SELECT e.journal_id, sum(e.amount) AS total INTO wrong
  FROM (SELECT DISTINCT journal_id FROM written) w
  JOIN billing_entry e ON e.journal_id = w.journal_id
  GROUP BY 1 HAVING sum(e.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal % is out of balance by % n$', wrong.journal_id, wrong.total
      USING ERRCODE = 'SL002';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER journal_sums_to_zero AFTER INSERT ON billing_entry
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_journals();

-- The balance (available + held) moves with charges and top-ups only, not with holds, so one
-- crossing of the line is one row however many calls run at the moment.
CREATE OR REPLACE FUNCTION ledger_note_low_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO billing_lowbalance (account_id, balance, crossed_at)
  VALUES (NEW.id, NEW.available + NEW.held, now());
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER low_balance_crossed AFTER UPDATE ON billing_account FOR EACH ROW
  WHEN (NEW.available + NEW.held < NEW.low_balance
        AND OLD.available + OLD.held >= NEW.low_balance)
  EXECUTE FUNCTION ledger_note_low_balance();

-- Django adds an index for LIKE to every text key. Nobody searches ids by pattern, and each index is
-- written by every call.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
    AND tablename IN ('billing_hold', 'billing_journal') AND indexname LIKE '%\_like'
  LOOP
    EXECUTE format('DROP INDEX %I', name);
  END LOOP;
END $$;

ALTER TABLE billing_account SET (fillfactor = 50);
ALTER TABLE billing_budgetwindow SET (fillfactor = 50);
ALTER TABLE billing_hold SET (fillfactor = 70);
