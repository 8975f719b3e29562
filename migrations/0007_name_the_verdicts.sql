-- What came of a callback was kept as a sentence; now it is the name of a `Verdict`. One of the sentences was state, too:
-- a task whose provider did not answer is asked about again. The reason of a failure stands in the event of the failure.
CREATE FUNCTION pg_temp.verdict_name(sentence text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN sentence LIKE '%; the body is another video''s' THEN 'OTHER_VIDEO'
        WHEN sentence LIKE '%; the body is another task''s' THEN 'OTHER_TASK'
        WHEN sentence LIKE 'failed: %' THEN 'FAILED'
        WHEN sentence = 'already completed' THEN 'COMPLETED'
        WHEN sentence = 'no task yet' THEN 'NO_TASK'
        WHEN sentence = 'task is not this video''s' THEN 'NOT_ITS_TASK'
        WHEN sentence = 'still running' THEN 'RUNNING'
        WHEN sentence = 'provider did not answer' THEN 'NO_ANSWER'
        WHEN sentence = 'generated' THEN 'GENERATED'
        WHEN sentence = 'already moved' THEN 'MOVED'
        WHEN sentence = 'already failed' THEN 'ALREADY_FAILED'
        WHEN sentence = 'late success' THEN 'LATE_SUCCESS'
        WHEN sentence = 'being mirrored' THEN 'MIRRORING'
        WHEN sentence = 'waiting to be mirrored' THEN 'AWAITING_MIRROR'
        WHEN sentence = 'queued again' THEN 'QUEUED_AGAIN'
        WHEN sentence = 'queue away' THEN 'QUEUE_DOWN'
        WHEN sentence = 'unknown video' THEN 'UNKNOWN_VIDEO'
        WHEN sentence = 'another provider''s video' THEN 'OTHER_PROVIDER'
        ELSE sentence
    END
$$;

UPDATE clipferry.callback_inbox
SET verdict = pg_temp.verdict_name(verdict)
WHERE verdict <> pg_temp.verdict_name(verdict);

UPDATE clipferry.video_events
SET detail = jsonb_set(detail, '{verdict}', to_jsonb(pg_temp.verdict_name(detail ->> 'verdict')))
WHERE kind = 'callback' AND detail ->> 'verdict' <> pg_temp.verdict_name(detail ->> 'verdict');

DROP FUNCTION pg_temp.verdict_name(text);
