-- Who is being sent a webhook now: a handful of rows, asked for by every sender.
CREATE INDEX webhook_deliveries_leased_idx ON clipferry.webhook_deliveries (lease_until) WHERE lease_until IS NOT NULL;
