-- Keys that are good now, and what their callers may do; `stamp` is another one once any of that has
-- changed. Without a body of its own for the planner: who asks for a digest reads one key.
CREATE OR REPLACE FUNCTION accounts_good_keys() RETURNS TABLE (
    digest text, organisation_id text, key_id text, meter_id text, kind text, scopes text[],
    allowed_models text[], cidrs text[], requests_per_minute integer, tokens_per_minute bigint,
    default_model text, budget_nano bigint, budget_period text, user_id text, role text,
    suspended boolean, stamp text
) LANGUAGE sql STABLE AS $$
    SELECT key.digest, key.organisation_id, key.id, coalesce(key.origin_id, key.id), key.kind, key.scopes,
           key.allowed_models, key.cidrs, key.requests_per_minute, key.tokens_per_minute,
           organisation.default_model, key.budget_nano, key.budget_period, key.created_by_id, member.role,
           organisation.suspended_at IS NOT NULL,
           md5(ROW(key.organisation_id, key.id, key.origin_id, key.kind, key.scopes, key.allowed_models,
                   key.cidrs, key.requests_per_minute, key.tokens_per_minute,
                   organisation.default_model, key.budget_nano, key.budget_period, key.created_by_id,
                   member.role, organisation.suspended_at)::text)
      FROM accounts_apikey AS key
      JOIN accounts_organisation AS organisation ON organisation.id = key.organisation_id
      LEFT JOIN accounts_user AS creator ON creator.id = key.created_by_id
      LEFT JOIN accounts_membership AS member
             ON member.user_id = key.created_by_id AND member.organisation_id = key.organisation_id
     WHERE key.revoked_at IS NULL
       AND (key.expires_at IS NULL OR key.expires_at > statement_timestamp())
       AND (key.created_by_id IS NULL OR (creator.is_active AND member.role IS NOT NULL))
$$;
