-- How far a provider's task is by its own count, 0 to 99: 100 is a completed video. Null where it doesn't say.
ALTER TABLE clipferry.jobs ADD COLUMN progress smallint;
