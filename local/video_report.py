"""Reads a video's events and credits from the database, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row, dict_row

_SENTENCES: Final[Mapping[str, str]] = {
    "created": "{credits} credits are held; it is submitted to {provider}",
    "submitted": "{provider} accepted it: {task}",
    "asked": "{provider} was queried, and says {found}",
    "callback": "{provider} called back ({verdict})",
    "generated": "the file is ready; a message goes to the queue",
    "mirror_started": "mirroring starts (attempt {attempt})",
    "completed": "{bytes:,} bytes are in the bucket, {settled} credits are settled",
    "failed": "{code}: {detail} ({released} credits are released)",
    "not_as_ordered": "the film differs from its order: {ordered} was asked for, {found} came",
}

_EVENTS: Final = """
select id, at, kind, detail from clipferry.video_events where video_uuid = %(uuid)s and id > %(after)s order by id
"""
_FILE: Final = "select sha256 from clipferry.mirrored_files where video_uuid = %(uuid)s"
_HOLD: Final = "select credits, status, package_allocation from public.credit_holds where video_uuid = %(uuid)s"
_PACKAGES: Final = """
select id, initial_credits, remaining_credits, frozen_credits, status::text
from public.credit_packages where user_id = %(user)s order by id
"""
_TRANSACTIONS: Final = """
select trans_type::text, credits, balance_after, remark from public.credit_transactions
where user_id = %(user)s order by id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of `clipferry.video_events`."""

    id: int
    at: datetime
    kind: str
    detail: dict[str, Any]

    @property
    def status(self) -> str:
        """The video's new status; empty when the event changes none."""
        return self.detail.get("status", "")

    @property
    def sentence(self) -> str:
        """A sentence for the kind of event; its raw detail for a kind without one."""
        try:
            return _SENTENCES[self.kind].format_map(self.detail)
        except (KeyError, ValueError, TypeError):
            rest = ", ".join(f"{name} {value}" for name, value in self.detail.items() if name != "status")
            return f"{self.kind.replace('_', ' ')} {rest}".strip()


class VideoReport:
    """Reads while the video is made. `connection` is in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any], video_uuid: str) -> None:
        self._connection = connection
        self.uuid = video_uuid
        self.events: list[Event] = []

    def new_events(self) -> Iterator[Event]:
        """Yields the events since the last call."""
        after = self.events[-1].id if self.events else 0
        with self._connection.cursor(row_factory=class_row(Event)) as cursor:
            for event in cursor.execute(_EVENTS, {"uuid": self.uuid, "after": after}).fetchall():
                self.events.append(event)
                yield event

    def seconds(self, event: Event) -> float:
        """Seconds since the first event."""
        return (event.at - self.events[0].at).total_seconds()

    @property
    def states(self) -> list[tuple[str, float, float]]:
        """Each state, when it began, and how long it lasted: seconds. The last one lasts."""
        found: list[tuple[str, float]] = []
        for event in self.events:
            if event.status and event.status not in [status for status, _ in found]:
                found.append((event.status, self.seconds(event)))
        ends = [began for _, began in found[1:]] + [found[-1][1] if found else 0.0]
        return [(status, began, end - began) for (status, began), end in zip(found, ends, strict=True)]

    @property
    def sha256(self) -> str | None:
        row = self._connection.execute(_FILE, {"uuid": self.uuid}).fetchone()
        return row[0] if row else None

    def credits(self, user_id: str) -> tuple[list[dict[str, Any]], ...]:
        """Returns the video's hold, the user's packages and the user's ledger."""
        parameters = {"uuid": self.uuid, "user": user_id}
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return tuple(cursor.execute(sql, parameters).fetchall() for sql in (_HOLD, _PACKAGES, _TRANSACTIONS))
