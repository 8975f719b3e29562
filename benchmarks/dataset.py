"""Fills a database like a product's after a year, by SQL: videos, jobs, packages, holds and a ledger that add up.

User 1 made a tenth of everything and left half a year ago, so that a plan which reads all rows backwards is slow.
Every other user has two videos in flight, so that the usual limit allows one more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg

HEAVY_USER: Final = 1
CREDITS: Final = 10
"""The credits that each video of the data set has cost."""

_USERS: Final = """
insert into public."user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
select 'user-' || n, 'User ' || n, 'user-' || n || '@example.com', true, timezone('utc', now()), timezone('utc', now())
from generate_series(%(first_user)s::integer, %(last_user)s) n
"""

_SESSIONS: Final = """
insert into public.session ("userId", token, "expiresAt", "createdAt", "updatedAt")
select 'user-' || n, 'session-' || n, timezone('utc', now()) + interval '7 days',
       timezone('utc', now()), timezone('utc', now())
from generate_series(%(first_user)s::integer, %(last_user)s) n
"""

# In order of time with users interleaved, so that a user's rows are far apart. Every two rows have the same time.
_VIDEOS: Final = """
insert into public.videos (uuid, user_id, prompt, model, parameters, status, provider, external_task_id, error_message,
                           original_video_url, video_url, thumbnail_url, duration, resolution, aspect_ratio, file_size,
                           credits_used, created_at, updated_at, completed_at, generation_time, is_deleted)
select 'vid_' || left(md5('video ' || n), 21), 'user-' || owner,
       'A paper boat on a mountain stream at dawn, take ' || n || ', slow camera, shallow depth of field, film grain',
       'seedance-1.5-pro', '{"duration": 5, "quality": "720p", "aspectRatio": "16:9"}', status::public."VideoStatus",
       'evolink', case when status <> 'PENDING' then 'task-' || md5('task ' || n) end,
       case when status = 'FAILED' then 'The video service could not make this video.' end,
       case when status in ('UPLOADING', 'COMPLETED') then 'https://files.example.com/' || md5('file ' || n) end,
       case when status = 'COMPLETED' then 'https://media.example.com/videos/' || md5('video ' || n) || '.mp4' end,
       null, 5, '720p', '16:9', case when status = 'COMPLETED' then 8000000 + n end, %(credits)s,
       made_at, made_at + interval '2 minutes', case when status = 'COMPLETED' then made_at + interval '2 minutes' end,
       case when status = 'COMPLETED' then 120 end, mod(n, 50) = 7 and status in ('COMPLETED', 'FAILED')
from (
    select n,
           case when mod(n, 5) = 0 and n <= %(videos)s / 2 then 1 else 2 + mod(n * 7919, %(users)s - 1) end as owner,
           case when n > %(ended)s then (array['PENDING', 'GENERATING', 'UPLOADING'])[1 + mod(n, 3)]
                when mod(n, 9) = 0 then 'FAILED' else 'COMPLETED' end as status,
           timezone('utc', now()) - (1 + (%(videos)s - n) / 2) * interval '60 seconds' as made_at
    from generate_series(1, %(videos)s::bigint) n
) made
order by n
"""

_JOBS: Final = """
insert into clipferry.jobs (video_uuid, state_since, deadline, next_check_at, checks, task_source, lease_fence)
select uuid, now() - interval '2 minutes',
       case when status in ('PENDING', 'GENERATING', 'UPLOADING') then now() + mod(id, 3000) * interval '1 second' end,
       case when status in ('PENDING', 'GENERATING', 'UPLOADING')
            then now() + case when mod(id, 3) = 0 then interval '-5 seconds' else interval '1 hour' end end,
       3, case when external_task_id is not null then 'submit' end, 1
from public.videos order by id
"""

# Old packages are used up to the last credit by the completed videos; of the three that are left the first is almost
# empty, so that the next hold is spread over two.
_PACKAGES: Final = """
insert into public.credit_packages (user_id, initial_credits, remaining_credits, frozen_credits, trans_type, order_no,
                                    status, expired_at, created_at, updated_at)
select user_id, initial_credits, case when place <= %(old)s then 0 else initial_credits - held end, held, 'ORDER_PAY',
       user_id || '-' || place,
       (case when place <= %(old)s then 'DEPLETED' else 'ACTIVE' end)::public."CreditPackageStatus",
       timezone('utc', now()) + (place - %(old)s) * interval '15 days',
       timezone('utc', now()) - (400 - place) * interval '1 day', timezone('utc', now())
from (
    select user_id, place,
           case when place <= %(old)s
                then %(credits)s * (completed / %(old)s + (place <= mod(completed, %(old)s))::integer)
                when place = %(old)s + 1 then %(credits)s * in_flight + 15 else 100000 end as initial_credits,
           case when place = %(old)s + 1 then %(credits)s * in_flight else 0 end as held
    from (
        select user_id, (count(*) filter (where status = 'COMPLETED'))::integer as completed,
               (count(*) filter (where status in ('PENDING', 'GENERATING', 'UPLOADING')))::integer as in_flight
        from public.videos group by user_id
    ) owners, generate_series(1, %(old)s + 3) place
) packages
order by place, user_id
"""

_ORDER_NUMBERS: Final = """
insert into clipferry.order_numbers (order_no, user_id, credits)
select order_no, user_id, initial_credits from public.credit_packages
"""

_HOLDS: Final = """
insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation, created_at, settled_at)
select v.user_id, v.uuid, v.credits_used,
       case v.status when 'COMPLETED' then 'SETTLED' when 'FAILED' then 'RELEASED' else 'HOLDING' end,
       jsonb_build_array(jsonb_build_object('packageId', p.id, 'credits', v.credits_used)), v.created_at,
       case when v.status in ('COMPLETED', 'FAILED') then v.updated_at end
from public.videos v
join public.credit_packages p
    on p.order_no = v.user_id || '-' || case when v.status = 'COMPLETED' then 1 else %(old)s + 1 end
order by v.id
"""

_ENTERED: Final = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id, order_no,
                                        created_at)
select 'TXN' || id || left(md5('package ' || id), 12), user_id, trans_type, initial_credits, initial_credits, id,
       order_no, created_at
from public.credit_packages order by id
"""

_CONSUMED: Final = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, video_uuid, hold_id,
                                        remark, created_at)
select 'TXN' || id || left(md5('hold ' || id), 12), user_id, 'VIDEO_CONSUME', -credits, 100000, video_uuid, id,
       'Video generation', settled_at
from public.credit_holds where status = 'SETTLED' order by id
"""

# Fills the ledger up with pairs of corrections that cancel out.
_CORRECTED: Final = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, remark, created_at)
select 'TXN' || n || left(md5('pair ' || n), 12),
       'user-' || case when mod(n / 2, 5) = 0 and n <= rows / 2 then 1 else 2 + mod(n / 2 * 7919, %(users)s - 1) end,
       'SYSTEM_ADJUST', case when mod(n, 2) = 0 then 10 else -10 end, 100000, 'Correction', timezone('utc', now())
from (select %(ledger)s - count(*) as rows from public.credit_transactions) missing,
     generate_series(2, rows / 2 * 2 + 1) n
order by n
"""

_FILES: Final = """
insert into clipferry.mirrored_files (video_uuid, sha256, size, key)
select uuid, md5(uuid) || md5(user_id), file_size, 'videos/' || uuid || '.mp4'
from public.videos where status = 'COMPLETED' order by id
"""

_EVENTS: Final = """
insert into clipferry.video_events (video_uuid, kind, detail)
select uuid, 'created', '{"status": "PENDING", "credits": 10, "provider": "evolink"}' from public.videos order by id
"""

_KEYS: Final = """
insert into clipferry.idempotency_keys (user_id, key, request_sha256, video_uuid)
select user_id, uuid, sha256(uuid::bytea), uuid from public.videos order by id desc limit %(videos)s / 100
"""

_REQUESTS: Final = """
insert into clipferry.rate_windows (user_id, minute, requests)
select id, date_trunc('minute', now()) - n * interval '1 minute', 2 from public."user", generate_series(1, 10) n
"""

_IN_ORDER: Final = (
    _VIDEOS,
    _JOBS,
    _PACKAGES,
    _ORDER_NUMBERS,
    _HOLDS,
    _ENTERED,
    _CONSUMED,
    _CORRECTED,
    _FILES,
    _EVENTS,
    _KEYS,
    _REQUESTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The number of rows in each table; `packages` is for each user."""

    videos: int
    users: int
    ledger: int
    packages: int = 24

    @property
    def in_flight(self) -> int:
        return 2 * (self.users - 1)

    @classmethod
    def scaled(cls, scale: float) -> Size:
        """1 is a million videos of 1,000 users and three million ledger rows."""
        return cls(videos=int(1_000_000 * scale), users=max(50, int(1000 * scale)), ledger=int(3_000_000 * scale))


def user_id(user: int) -> str:
    return f"user-{user}"


def session_token(user: int) -> str:
    return f"session-{user}"


def fill(url: str, size: Size) -> None:
    """Fills the migrated, empty database at `url`, then vacuums it. Raises RuntimeError if it has users."""
    parameters = {
        "videos": size.videos,
        "users": size.users,
        "ledger": size.ledger,
        "ended": size.videos - size.in_flight,
        "credits": CREDITS,
        "old": size.packages - 3,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute('select from public."user" limit 1').fetchone() is not None:
            raise RuntimeError("this database has users: the benchmark needs an empty one")
        add_users(connection, 1, size.users)
        for statement in _IN_ORDER:
            connection.execute(statement, parameters)
        connection.execute("vacuum (analyze)")
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("checkpoint")  # now, and not during a measurement


def add_users(connection: psycopg.Connection[Any], first: int, last: int) -> None:
    """Adds the users `first` to `last`, each with a session."""
    for statement in (_USERS, _SESSIONS):
        connection.execute(statement, {"first_user": first, "last_user": last})
