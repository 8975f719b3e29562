-- A key may be bound to scopes, to a time and to credits a month. Null is no bound: keys from before keep what they have.
ALTER TABLE clipferry.api_keys
    ADD COLUMN scopes text[],
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN monthly_credits integer CHECK (monthly_credits > 0);
-- The key that last had credits held for the video, and when: what a key has used of its month.
ALTER TABLE clipferry.jobs
    ADD COLUMN api_key_id bigint,
    ADD COLUMN charged_at timestamptz;
CREATE INDEX jobs_api_key_idx ON clipferry.jobs (api_key_id, charged_at) WHERE api_key_id IS NOT NULL;
