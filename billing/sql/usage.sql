-- Usage by day: closed holds that count, and the roll-up of finished days.

CREATE OR REPLACE VIEW ledger_usage AS
SELECT organisation_id, key_id, chatbot_id, model, closed_at,
       (closed_at AT TIME ZONE 'UTC')::date AS day,
       1::bigint AS requests, prompt_tokens::bigint, cached_tokens::bigint,
       completion_tokens::bigint, charged
FROM billing_hold
WHERE state = 'settled' OR state = 'expired' AND completion_tokens > 0;

-- Sum every day that ended more than an hour ago (no transaction lasts that long) and move the
-- watermark there. What stands from the watermark on is thrown away first, so it can be moved back
-- at any time: a settle of a swept hold does that, and a rebuild starts from the beginning.
CREATE OR REPLACE FUNCTION ledger_roll_up() RETURNS date LANGUAGE plpgsql AS $$
DECLARE
  done date;
  goal date := ((now() - interval '1 hour') AT TIME ZONE 'UTC')::date;
BEGIN
  INSERT INTO billing_usagewatermark (id, day) VALUES (1, '1970-01-01') ON CONFLICT DO NOTHING;
  SELECT day INTO done FROM billing_usagewatermark FOR UPDATE;
  IF done >= goal THEN
    RETURN done;
  END IF;
  DELETE FROM billing_usagedaily WHERE day >= done;
  INSERT INTO billing_usagedaily (
    organisation_id, key_id, chatbot_id, model, day,
    requests, prompt_tokens, cached_tokens, completion_tokens, charged)
  SELECT organisation_id, key_id, chatbot_id, model, day, sum(requests), sum(prompt_tokens),
         sum(cached_tokens), sum(completion_tokens), sum(charged)
  FROM ledger_usage
  WHERE closed_at >= done::timestamp AT TIME ZONE 'UTC'
    AND closed_at < goal::timestamp AT TIME ZONE 'UTC'
  GROUP BY organisation_id, key_id, chatbot_id, model, day;
  UPDATE billing_usagewatermark SET day = goal;
  RETURN goal;
END $$;
