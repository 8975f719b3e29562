-- What the original application doesn't know of lives in a schema of its own, which Prisma leaves alone.
-- Times here are timestamptz, so that no session's time zone can shift them.

CREATE SCHEMA IF NOT EXISTS clipferry;

-- One row a video: what has to happen next, by when, and who is on it.
CREATE TABLE clipferry.jobs (
    video_uuid text PRIMARY KEY REFERENCES public.videos (uuid) ON DELETE CASCADE ON UPDATE CASCADE,
    state_since timestamptz NOT NULL DEFAULT now(),
    deadline timestamptz,
    next_check_at timestamptz,
    checks integer NOT NULL DEFAULT 0,
    asked_at timestamptz,
    estimated_seconds integer,
    task_source text CHECK (task_source IN ('submit', 'callback')),
    providers_tried text[] NOT NULL DEFAULT '{}',
    failure_code text,
    late_success_at timestamptz,
    lease_fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    mirror_attempts integer NOT NULL DEFAULT 0,
    source_refreshed boolean NOT NULL DEFAULT false,
    CHECK ((deadline IS NULL) = (next_check_at IS NULL))
);
COMMENT ON COLUMN clipferry.jobs.next_check_at IS 'NULL once the video has ended';
COMMENT ON COLUMN clipferry.jobs.lease_fence IS 'the mirror lease: only the holder of the newest number may write';
CREATE INDEX jobs_due_idx ON clipferry.jobs (next_check_at) WHERE next_check_at IS NOT NULL;

-- What happened, in order: what `explain` reads.
CREATE TABLE clipferry.video_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_uuid text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX video_events_video_idx ON clipferry.video_events (video_uuid, id);
CREATE INDEX video_events_at_idx ON clipferry.video_events USING brin (at);

-- A deleted video is hidden at once; its files go later.
CREATE TABLE clipferry.deletions (
    video_uuid text PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    files_removed_at timestamptz
);
CREATE INDEX deletions_due_idx ON clipferry.deletions (deleted_at) WHERE files_removed_at IS NULL;

-- Every callback with a valid signature, kept before it is answered.
CREATE TABLE clipferry.callback_inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    provider text NOT NULL,
    video_uuid text NOT NULL,
    task_id text,
    signed_at timestamptz NOT NULL,
    body_sha256 bytea NOT NULL,
    body_size integer NOT NULL,
    body text,
    verdict text
);
CREATE INDEX callback_inbox_video_idx ON clipferry.callback_inbox (video_uuid, id);
CREATE INDEX callback_inbox_received_idx ON clipferry.callback_inbox (received_at);

-- A key is its user's for 24 hours; `refusal` is an answer that was an error, replayed as it was.
CREATE TABLE clipferry.idempotency_keys (
    user_id text NOT NULL,
    key text NOT NULL,
    request_sha256 bytea NOT NULL,
    video_uuid text NOT NULL,
    refusal jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created_idx ON clipferry.idempotency_keys (created_at);
CREATE INDEX idempotency_keys_video_idx ON clipferry.idempotency_keys (video_uuid);

-- Credits enter, or are taken back, once an order number; the other application may repeat them in public.
CREATE TABLE clipferry.order_numbers (
    order_no text PRIMARY KEY,
    user_id text NOT NULL,
    credits integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- For servers and scripts. The key itself is shown once and never stored.
CREATE TABLE clipferry.api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text NOT NULL REFERENCES public."user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL,
    key_sha256 bytea NOT NULL UNIQUE,
    is_admin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_user_idx ON clipferry.api_keys (user_id);

-- Requests a user made in a minute.
CREATE TABLE clipferry.rate_windows (
    user_id text NOT NULL,
    minute timestamptz NOT NULL,
    requests integer NOT NULL,
    PRIMARY KEY (user_id, minute)
);

-- What a file that was mirrored hashes to, and how far an unfinished one has come.
CREATE TABLE clipferry.mirrored_files (
    video_uuid text PRIMARY KEY,
    sha256 text,
    size bigint,
    key text,
    upload_id text,
    part_size integer,
    parts jsonb,
    source_etag text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- What each user owned when Clipferry's books were opened on a database that was in use already.
CREATE TABLE clipferry.opening_balances (
    user_id text PRIMARY KEY,
    credits bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
