"""What happened to a video: events that no other statement writes along with its change. `timeline` reads them."""

from __future__ import annotations

from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db.connection import Transaction

_APPEND: Final = """
insert into clipferry.video_events (video_uuid, kind, detail) values (%(uuid)s, %(kind)s, %(detail)s)
"""


def append(tx: Transaction, uuid: str, kind: str, **detail: Any) -> None:
    tx.execute(_APPEND, {"uuid": uuid, "kind": kind, "detail": Jsonb(detail)})
