-- Composite foreign keys (organisation, id): the database refuses a row that links two tenants.

ALTER TABLE billing_budgetwindow
  ADD CONSTRAINT window_key FOREIGN KEY (organisation_id, key_id)
    REFERENCES accounts_apikey (organisation_id, id);

ALTER TABLE billing_hold
  ADD CONSTRAINT hold_account FOREIGN KEY (organisation_id, account_id)
    REFERENCES billing_account (organisation_id, id),
  ADD CONSTRAINT hold_key FOREIGN KEY (organisation_id, key_id)
    REFERENCES accounts_apikey (organisation_id, id),
  ADD CONSTRAINT hold_window FOREIGN KEY (organisation_id, window_id)
    REFERENCES billing_budgetwindow (organisation_id, id);

ALTER TABLE billing_journal
  ADD CONSTRAINT journal_hold FOREIGN KEY (organisation_id, hold_id)
    REFERENCES billing_hold (organisation_id, id),
  ADD CONSTRAINT journal_original FOREIGN KEY (organisation_id, original_id)
    REFERENCES billing_journal (organisation_id, id);

ALTER TABLE billing_entry
  ADD CONSTRAINT entry_journal FOREIGN KEY (organisation_id, journal_id)
    REFERENCES billing_journal (organisation_id, id),
  ADD CONSTRAINT entry_account FOREIGN KEY (organisation_id, account_id)
    REFERENCES billing_account (organisation_id, id);

ALTER TABLE billing_topup
  ADD CONSTRAINT top_up_journal FOREIGN KEY (organisation_id, journal_id)
    REFERENCES billing_journal (organisation_id, id);

ALTER TABLE billing_usagedaily
  ADD CONSTRAINT usage_key FOREIGN KEY (organisation_id, key_id)
    REFERENCES accounts_apikey (organisation_id, id);
