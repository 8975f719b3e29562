-- What a provider says that a video's task cost, in its own currency: dollars, credits or units of its own. Null where
-- it doesn't say.
ALTER TABLE clipferry.jobs
    ADD COLUMN provider_cost numeric,
    ADD COLUMN provider_cost_currency text;
