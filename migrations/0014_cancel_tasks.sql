-- When the provider was last told to stop the task. Kept when the video has ended.
ALTER TABLE clipferry.jobs ADD COLUMN cancel_asked_at timestamptz;
