-- Which provider is down, where every Lambda sees it: after several submits in a row that came to nothing it isn't
-- asked for a while, and then by one request first.
CREATE TABLE clipferry.provider_circuits (
    provider text PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz NOT NULL DEFAULT now(),
    opened_at timestamptz,
    open_until timestamptz,
    CHECK ((opened_at IS NULL) = (open_until IS NULL))
);
COMMENT ON COLUMN clipferry.provider_circuits.failures IS 'in a row; a submit that was answered makes it 0';
COMMENT ON COLUMN clipferry.provider_circuits.open_until IS 'NULL: closed. In the past: one request may probe';
