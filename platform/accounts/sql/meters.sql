-- Keys that were rotated before they had an origin.
WITH RECURSIVE chain (id, origin) AS (
    SELECT replaced_by_id, id FROM accounts_apikey AS first
     WHERE replaced_by_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM accounts_apikey WHERE replaced_by_id = first.id)
    UNION ALL
    SELECT key.replaced_by_id, chain.origin FROM chain JOIN accounts_apikey AS key USING (id)
     WHERE key.replaced_by_id IS NOT NULL
)
UPDATE accounts_apikey AS key SET origin_id = chain.origin FROM chain WHERE key.id = chain.id;

-- A key can only share the meter of a key of its own organisation.
ALTER TABLE accounts_apikey ADD CONSTRAINT origin_within_organisation
    FOREIGN KEY (organisation_id, origin_id) REFERENCES accounts_apikey (organisation_id, id)
    DEFERRABLE INITIALLY DEFERRED;
