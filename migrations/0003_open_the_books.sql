-- On a database that the original application has filled, its ledger need not add up to what its packages hold.
-- Per user the difference is recorded once: opening balance + sum of the ledger = what the packages hold.
LOCK TABLE public.credit_packages, public.credit_transactions IN SHARE MODE;

INSERT INTO clipferry.opening_balances (user_id, credits)
SELECT u.id, coalesce(p.held, 0) - coalesce(t.booked, 0)
FROM public."user" u
LEFT JOIN (
    SELECT user_id, sum(remaining_credits + frozen_credits)::bigint AS held
    FROM public.credit_packages GROUP BY user_id
) p ON p.user_id = u.id
LEFT JOIN (
    SELECT user_id, sum(credits)::bigint AS booked
    FROM public.credit_transactions GROUP BY user_id
) t ON t.user_id = u.id
WHERE coalesce(p.held, 0) <> coalesce(t.booked, 0);

-- Its order numbers are taken as used: an order that it booked isn't booked again.
INSERT INTO clipferry.order_numbers (order_no, user_id, credits)
SELECT DISTINCT ON (order_no) order_no, user_id, initial_credits
FROM public.credit_packages WHERE order_no IS NOT NULL ORDER BY order_no, id;

-- Its jobs in flight get a deadline like ours: nothing waits for ever.
INSERT INTO clipferry.jobs (video_uuid, deadline, next_check_at, task_source)
SELECT uuid, now() + interval '65 minutes', now(), CASE WHEN external_task_id IS NOT NULL THEN 'submit' END
FROM public.videos WHERE status IN ('PENDING', 'GENERATING', 'UPLOADING');
