-- What the database itself refuses, whoever asks.

CREATE FUNCTION accounts_auditentry_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are written once and never changed';
END $$;

CREATE TRIGGER audit_entries_are_final BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_is_final();

-- A key can only be replaced by a key of its own organisation.
ALTER TABLE accounts_apikey ADD CONSTRAINT replaced_within_organisation
    FOREIGN KEY (organisation_id, replaced_by_id) REFERENCES accounts_apikey (organisation_id, id)
    DEFERRABLE INITIALLY DEFERRED;
