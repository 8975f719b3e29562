"""What happened to a video: events that no other statement writes along with its change. `timeline` reads them."""

from __future__ import annotations

from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db.connection import Rows, Transaction
from clipferry.observability import redact_fields

_APPEND: Final = """
insert into clipferry.video_events (video_uuid, kind, detail) values (%(uuid)s, %(kind)s, %(detail)s)
"""

_LAST_ANSWER: Final = """
select e.detail ->> 'found' as found
from clipferry.video_events e join clipferry.jobs j on j.video_uuid = e.video_uuid
where e.video_uuid = %(uuid)s and e.kind = 'asked' and e.at >= j.state_since
order by e.id desc limit 1
"""


def append(tx: Transaction, uuid: str, kind: str, **detail: Any) -> None:
    """Writes an event. Its detail is redacted as a log line is."""
    tx.execute(_APPEND, {"uuid": uuid, "kind": kind, "detail": Jsonb(redact_fields(detail))})


def last_answer(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Returns what the provider's last answer was (`found`), if it was asked since the video's state changed."""
    return tx.query_dicts(_LAST_ANSWER, {"uuid": uuid})
