-- What a request wants to be remembered with its video: up to 16 pairs of texts.
ALTER TABLE clipferry.jobs ADD COLUMN metadata jsonb;
-- Where a user's videos with a pair are, in the order of a list. A page reads its own rows, however many there are.
CREATE TABLE clipferry.metadata_pairs (
    user_id text NOT NULL REFERENCES public."user" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    pair_sha256 bytea NOT NULL,
    created_at timestamp NOT NULL,
    video_id integer NOT NULL,
    PRIMARY KEY (user_id, pair_sha256, created_at, video_id)
);
COMMENT ON COLUMN clipferry.metadata_pairs.pair_sha256 IS 'of the pair as a JSON array';
COMMENT ON COLUMN clipferry.metadata_pairs.created_at IS 'the video''s, to the millisecond';
