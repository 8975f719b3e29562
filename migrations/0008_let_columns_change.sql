-- A body in BEGIN ATOMIC or RETURN binds the columns that it reads: `drizzle-kit push`, which makes timestamp(3) a
-- timestamp, stops half-way at credit_packages.expired_at, when it has already dropped its unique indexes. A body in
-- quotes is read when it runs.
CREATE OR REPLACE FUNCTION clipferry.available_credits(owner text) RETURNS bigint
    LANGUAGE sql STABLE STRICT
    AS $$
        SELECT coalesce(sum(remaining_credits), 0) FROM public.credit_packages
        WHERE user_id = owner AND status = 'ACTIVE'
            AND (expired_at IS NULL OR expired_at > timezone('utc', now()))
    $$;
