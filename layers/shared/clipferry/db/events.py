"""What happened to a video, in order: events that no other statement writes along with its change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db.connection import Rows, Transaction

_APPEND: Final = """
insert into clipferry.video_events (video_uuid, kind, detail) values (%(uuid)s, %(kind)s, %(detail)s)
"""

_OF_VIDEO: Final = """
select at, kind, detail from clipferry.video_events where video_uuid = %(uuid)s order by id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a video's story."""

    at: datetime
    kind: str
    detail: dict[str, Any]


def append(tx: Transaction, uuid: str, kind: str, **detail: Any) -> None:
    tx.send(_APPEND, {"uuid": uuid, "kind": kind, "detail": Jsonb(detail)})


def of_video(tx: Transaction, uuid: str) -> Rows[Event]:
    return tx.run(_OF_VIDEO, {"uuid": uuid}, Event)
