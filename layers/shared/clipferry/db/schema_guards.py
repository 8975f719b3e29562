"""What must exist in the database, so that the credits are safe and the lists fast; all of it is made by migrations.

The list of applied files doesn't tell whether it is still there. The application's own schema tool takes what it
doesn't know: `drizzle-kit push` drops every CHECK and index of ours in `public`, Prisma 7.4 the partial indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final


class GuardKind(StrEnum):
    CHECK = "CHECK"
    UNIQUE_INDEX = "unique index"
    INDEX = "index"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Guard:
    """A CHECK, an index or a table. `definition` is in PostgreSQL's words: a condition, or columns and a predicate."""

    kind: GuardKind
    table: str
    name: str
    definition: str = ""
    is_valid: bool = True
    """False for a CHECK that was added NOT VALID: rows from before may break it."""

    def __str__(self) -> str:
        if self.kind == GuardKind.TABLE:
            return f"table clipferry.{self.name}"
        return f"{self.kind} {self.name} on {self.table}"


_check = partial(Guard, GuardKind.CHECK)
_unique = partial(Guard, GuardKind.UNIQUE_INDEX)
_index = partial(Guard, GuardKind.INDEX)

_UNFINISHED: Final = ", ".join(
    f"'{status}'::public.\"VideoStatus\"" for status in ("PENDING", "GENERATING", "UPLOADING")
)
_NEWEST_FIRST: Final = "date_trunc('milliseconds'::text, created_at) DESC, id DESC"

TABLES: Final = tuple(
    Guard(GuardKind.TABLE, name, name)
    for name in (
        "api_keys", "callback_inbox", "deletions", "idempotency_keys", "jobs", "low_credits", "metadata_pairs",
        "migrations", "mirrored_files", "opening_balances", "order_numbers", "provider_circuits", "rate_windows",
        "video_events", "webhook_deliveries", "webhook_endpoints", "webhook_events",
    )
)  # fmt: skip
"""The tables of the schema `clipferry`."""

IN_PUBLIC: Final = (
    _check("credit_packages", "clipferry_remaining_not_negative", "(remaining_credits >= 0)"),
    _check("credit_packages", "clipferry_frozen_not_negative", "(frozen_credits >= 0)"),
    _check(
        "credit_packages",
        "clipferry_no_more_than_initial",
        "((remaining_credits + frozen_credits) <= initial_credits)",
    ),
    _check("credit_holds", "clipferry_hold_positive", "(credits > 0)"),
    _check(
        "credit_holds",
        "clipferry_hold_backed",
        "((status <> 'HOLDING'::text) OR (clipferry.allocated(package_allocation) = credits))",
    ),
    _check(
        "credit_holds",
        "clipferry_hold_status",
        "(status = ANY (ARRAY['HOLDING'::text, 'SETTLED'::text, 'RELEASED'::text]))",
    ),
    _check("videos", "clipferry_credits_not_negative", "(credits_used >= 0)"),
    _unique("user", "user_email_key", "(email)"),
    _unique("session", "session_token_key", "(token)"),
    _unique("account", "account_providerId_accountId_key", '("providerId", "accountId")'),
    _unique("videos", "videos_uuid_key", "(uuid)"),
    _unique("credit_holds", "credit_holds_video_uuid_key", "(video_uuid)"),
    _unique("credit_transactions", "credit_transactions_trans_no_key", "(trans_no)"),
    _unique(
        "videos",
        "clipferry_videos_task_key",
        "(provider, external_task_id) WHERE (external_task_id IS NOT NULL)",
    ),
    _index("videos", "clipferry_videos_list_idx", f"(user_id, {_NEWEST_FIRST}) WHERE (NOT is_deleted)"),
    _index("videos", "clipferry_videos_list_status_idx", f"(user_id, status, {_NEWEST_FIRST}) WHERE (NOT is_deleted)"),
    _index("videos", "clipferry_videos_in_flight_idx", f"(user_id) WHERE (status = ANY (ARRAY[{_UNFINISHED}]))"),
    _index(
        "credit_packages",
        "clipferry_packages_spendable_idx",
        "(user_id, expired_at) WHERE ((status = 'ACTIVE'::public.\"CreditPackageStatus\") AND (remaining_credits > 0))",
    ),
    _index("credit_packages", "clipferry_packages_expiring_idx", "(expired_at) WHERE (remaining_credits > 0)"),
    _index(
        "credit_transactions",
        "clipferry_transactions_history_idx",
        "(user_id, ((id)::bigint) DESC) WHERE (user_id IS NOT NULL)",
    ),
    _index(
        "credit_transactions",
        "clipferry_transactions_history_type_idx",
        "(user_id, trans_type, ((id)::bigint) DESC) WHERE (user_id IS NOT NULL)",
    ),
)
"""What the migrations add to the application's tables, but for its plain indexes, which are its own affair."""
