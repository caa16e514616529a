-- Whoever had an account before the browser asked for proof of addresses: an administrator made it.
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT id, email, true, true FROM accounts_user
ON CONFLICT DO NOTHING;

-- A delivery goes to an endpoint of its own organisation.
ALTER TABLE accounts_webhookdelivery ADD CONSTRAINT delivery_within_organisation
    FOREIGN KEY (organisation_id, endpoint_id)
    REFERENCES accounts_webhookendpoint (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Audit entries stay as written, with one exception: a person who leaves is forgotten in them. What
-- was done, to what and when stays; only who it was, and from where, goes.
CREATE OR REPLACE FUNCTION accounts_auditentry_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('smarter.forgetting', true) = 'on'
       AND (NEW.id, NEW.action, NEW.target, NEW.request_id, NEW.created_at)
         = (OLD.id, OLD.action, OLD.target, OLD.request_id, OLD.created_at)
       AND NEW.organisation_id IS NOT DISTINCT FROM OLD.organisation_id
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit entries are written once and never changed';
END $$;

CREATE FUNCTION accounts_forget(person text, mail text, called text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone CONSTANT text := '"forgotten"';
    mail_token CONSTANT text := to_jsonb(mail)::text;
    -- An empty name stands for many things in a record; nobody is known by it.
    name_token CONSTANT text := to_jsonb(coalesce(nullif(called, ''), mail))::text;
BEGIN
    PERFORM set_config('smarter.forgetting', 'on', true);
    UPDATE accounts_auditentry
       SET actor = person, address = NULL
     WHERE actor IN (person, mail);
    UPDATE accounts_auditentry
       SET before = replace(replace(before::text, mail_token, gone), name_token, gone)::jsonb,
           after = replace(replace(after::text, mail_token, gone), name_token, gone)::jsonb
     WHERE strpos(concat(before::text, after::text), mail_token) > 0
        OR (target = person AND strpos(concat(before::text, after::text), name_token) > 0);
    PERFORM set_config('smarter.forgetting', 'off', true);
END $$;

-- The name of an organisation that is closed, in its own audit.
CREATE FUNCTION accounts_forget_name(organisation text, called text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    token CONSTANT text := to_jsonb(called)::text;
BEGIN
    PERFORM set_config('smarter.forgetting', 'on', true);
    UPDATE accounts_auditentry
       SET before = replace(before::text, token, '"forgotten"')::jsonb,
           after = replace(after::text, token, '"forgotten"')::jsonb
     WHERE organisation_id = organisation
       AND strpos(concat(before::text, after::text), token) > 0;
    PERFORM set_config('smarter.forgetting', 'off', true);
END $$;
