-- Rules that the database keeps, whoever writes. NOT VALID: a row that the original application left broken is
-- listed by `verify`, and doesn't stop the migration; every new or changed row obeys.
CREATE FUNCTION clipferry.allocated(package_allocation jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT
    RETURN (SELECT coalesce(sum((share ->> 'credits')::integer), 0)
            FROM jsonb_array_elements(package_allocation) AS shares (share));

-- What a hold has taken from which package. STRICT keeps it from being inlined, so that the planner believes ROWS 2
-- and not the 100 that it assumes of every jsonb array, for which it would read the whole table of packages.
CREATE FUNCTION clipferry.shares(package_allocation jsonb) RETURNS TABLE (package_id integer, credits integer)
    LANGUAGE sql IMMUTABLE STRICT ROWS 2
    BEGIN ATOMIC
        SELECT (share ->> 'packageId')::integer, (share ->> 'credits')::integer
        FROM jsonb_array_elements(package_allocation) AS elements (share);
    END;

-- What a user can spend now: the ledger's balance_after.
CREATE FUNCTION clipferry.available_credits(owner text) RETURNS bigint
    LANGUAGE sql STABLE STRICT
    RETURN (SELECT coalesce(sum(remaining_credits), 0) FROM public.credit_packages
            WHERE user_id = owner AND status = 'ACTIVE'
                AND (expired_at IS NULL OR expired_at > timezone('utc', now())));

-- In the original's form: TXN, the milliseconds, and something unique.
CREATE FUNCTION clipferry.transaction_number() RETURNS text
    LANGUAGE sql VOLATILE
    RETURN 'TXN' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12);

ALTER TABLE public.credit_packages
    ADD CONSTRAINT clipferry_remaining_not_negative CHECK (remaining_credits >= 0) NOT VALID,
    ADD CONSTRAINT clipferry_frozen_not_negative CHECK (frozen_credits >= 0) NOT VALID,
    ADD CONSTRAINT clipferry_no_more_than_initial CHECK (remaining_credits + frozen_credits <= initial_credits) NOT VALID;
ALTER TABLE public.credit_holds
    ADD CONSTRAINT clipferry_hold_positive CHECK (credits > 0) NOT VALID,
    -- A hold is backed by packages to the last credit, or it isn't written. One that the original application left
    -- short can still end.
    ADD CONSTRAINT clipferry_hold_backed
        CHECK (status <> 'HOLDING' OR clipferry.allocated(package_allocation) = credits) NOT VALID,
    ADD CONSTRAINT clipferry_hold_status CHECK (status IN ('HOLDING', 'SETTLED', 'RELEASED')) NOT VALID;
ALTER TABLE public.videos
    ADD CONSTRAINT clipferry_credits_not_negative CHECK (credits_used >= 0) NOT VALID;
