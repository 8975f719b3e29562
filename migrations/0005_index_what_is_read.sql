-- no-transaction
-- Partial, because Prisma drops a plain index that it doesn't know. A task belongs to one video.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS clipferry_videos_task_key
    ON public.videos (provider, external_task_id) WHERE external_task_id IS NOT NULL;
-- A page of a user's list, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_videos_list_idx
    ON public.videos (user_id, date_trunc('milliseconds', created_at) DESC, id DESC) WHERE NOT is_deleted;
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_videos_list_status_idx
    ON public.videos (user_id, status, date_trunc('milliseconds', created_at) DESC, id DESC) WHERE NOT is_deleted;
-- A user's jobs in flight, counted by every create; also how reconcile finds those without a job row.
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_videos_in_flight_idx
    ON public.videos (user_id) WHERE status IN ('PENDING', 'GENERATING', 'UPLOADING');
-- What a user can spend, earliest expiry first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_packages_spendable_idx
    ON public.credit_packages (user_id, expired_at) WHERE status = 'ACTIVE' AND remaining_credits > 0;
-- Who has credits that are about to expire.
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_packages_expiring_idx
    ON public.credit_packages (expired_at) WHERE remaining_credits > 0;
-- A page of a user's ledger.
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_transactions_history_idx
    ON public.credit_transactions (user_id, (id::bigint) DESC) WHERE user_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_transactions_history_type_idx
    ON public.credit_transactions (user_id, trans_type, (id::bigint) DESC) WHERE user_id IS NOT NULL;
