-- Whoever holds a signed callback URL can post to it for a day. The same body is kept once for a video, and the provider
-- is asked because of callbacks at most as often as a reader of the status asks it.
DELETE FROM clipferry.callback_inbox c
USING clipferry.callback_inbox later
WHERE later.video_uuid = c.video_uuid AND later.provider = c.provider AND later.body_sha256 = c.body_sha256
    AND later.id > c.id;
CREATE UNIQUE INDEX callback_inbox_body_idx ON clipferry.callback_inbox (video_uuid, provider, body_sha256);
ALTER TABLE clipferry.jobs ADD COLUMN callback_asked_at timestamptz;
COMMENT ON COLUMN clipferry.jobs.callback_asked_at IS 'when a callback last made us ask the provider';
