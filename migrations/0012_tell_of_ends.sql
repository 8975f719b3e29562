-- Outbound webhooks. What is to be told of a video's end is written in the transaction that ends it, so it is known
-- exactly when the end is; who sends it, and how often it takes, comes afterwards.

-- Whom to tell: the owner's own address (one row, from the settings), and those that users' requests have named.
CREATE TABLE clipferry.webhook_endpoints (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text REFERENCES public."user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    url text NOT NULL,
    credits_low integer,
    failing_since timestamptz,
    switched_off text CHECK (switched_off IN ('GONE', 'FAILING', 'REMOVED')),
    switched_off_at timestamptz,
    CHECK ((switched_off IS NULL) = (switched_off_at IS NULL))
);
COMMENT ON COLUMN clipferry.webhook_endpoints.user_id IS 'NULL: the owner''s';
COMMENT ON COLUMN clipferry.webhook_endpoints.credits_low IS 'the owner is told of users who have fewer credits';
CREATE UNIQUE INDEX webhook_endpoints_owner_idx ON clipferry.webhook_endpoints ((true)) WHERE user_id IS NULL;
CREATE UNIQUE INDEX webhook_endpoints_user_idx ON clipferry.webhook_endpoints (user_id, url)
    WHERE user_id IS NOT NULL;

-- What happened. The body is sent as it stands here, every time: one id, one body.
CREATE TABLE clipferry.webhook_events (
    id text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    user_id text NOT NULL,
    video_uuid text,
    body text NOT NULL
);
CREATE INDEX webhook_events_video_idx ON clipferry.webhook_events (video_uuid) WHERE video_uuid IS NOT NULL;
CREATE INDEX webhook_events_created_idx ON clipferry.webhook_events (created_at);

-- One row for each event and endpoint.
CREATE TABLE clipferry.webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL REFERENCES clipferry.webhook_events (id) ON DELETE CASCADE,
    endpoint_id bigint NOT NULL REFERENCES clipferry.webhook_endpoints (id) ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'GIVEN_UP', 'SWITCHED_OFF')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    queued_at timestamptz,
    lease_until timestamptz,
    attempted_at timestamptz,
    last_status integer,
    last_error text,
    UNIQUE (event_id, endpoint_id),
    CHECK ((state = 'PENDING') = (next_attempt_at IS NOT NULL))
);
COMMENT ON COLUMN clipferry.webhook_deliveries.queued_at IS 'when a message about it was last put on the queue';
COMMENT ON COLUMN clipferry.webhook_deliveries.lease_until IS 'until then nobody else sends it';
CREATE INDEX webhook_deliveries_due_idx ON clipferry.webhook_deliveries (next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_endpoint_idx ON clipferry.webhook_deliveries (endpoint_id, state);

-- Whose credits the owner was told of as low, so that it is told once until they are filled up.
CREATE TABLE clipferry.low_credits (
    user_id text PRIMARY KEY REFERENCES public."user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    told_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE clipferry.jobs
    ADD COLUMN webhook_endpoint_id bigint REFERENCES clipferry.webhook_endpoints (id) ON DELETE SET NULL;
COMMENT ON COLUMN clipferry.jobs.webhook_endpoint_id IS 'the one that its request asked for';
CREATE INDEX jobs_webhook_endpoint_idx ON clipferry.jobs (webhook_endpoint_id) WHERE webhook_endpoint_id IS NOT NULL;
