"""A video that waits to be mirrored, in a real database, with its source and a strict R2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from clipferry.db.connection import Database
from clipferry.providers.base import Provider
from clipferry.usecases.mirror_video import mirror_video
from local.r2.server import FakeR2
from tests import journeys
from tests.integration.mirror_fixtures import Behaviour, serving, sha256, storage_for, strict_r2

UUID = "vid_waiting"
INSERTS = (
    """insert into public."user" (id, email) values ('u', 'u@example.com')""",
    """insert into credit_packages (id, user_id, initial_credits, remaining_credits, frozen_credits, trans_type,
                                    updated_at)
    values (1, 'u', 100, 90, 10, 'NEW_USER', timezone('utc', now()))""",
    """insert into videos (uuid, user_id, prompt, model, status, provider, external_task_id, original_video_url,
                           credits_used, updated_at)
    values (%(uuid)s, 'u', 'p', 'm', 'UPLOADING', 'evolink', 'task', %(url)s, 10, timezone('utc', now()))""",
    """insert into credit_holds (user_id, video_uuid, credits, status, package_allocation)
    values ('u', %(uuid)s, 10, 'HOLDING', '[{"packageId": 1, "credits": 10}]')""",
    """insert into clipferry.jobs (video_uuid, state_since, deadline, next_check_at)
    values (%(uuid)s, now(), now() + interval '1 hour', now())""",
)


class World:
    """One video that waits to be mirrored, its source and its bucket."""

    def __init__(self, url: str, r2: FakeR2, behaviour: Behaviour, source: str) -> None:
        self.url, self.r2, self.behaviour = url, r2, behaviour
        for insert in INSERTS:
            self.rows(insert, uuid=UUID, url=source)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            cursor = connection.execute(sql, parameters or {"uuid": UUID})  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def mirror(
        self,
        seconds_left: Callable[[], float] = lambda: 300.0,
        workers: int = 3,
        providers: Mapping[str, Provider] | None = None,
        url: str | None = None,
    ) -> None:
        """`url` is another way to the same database."""
        database, storage = Database(url or self.url), storage_for(self.r2, pause_seconds=0.002, workers=workers)
        try:
            mirror_video(
                UUID,
                database=database,
                storage=storage,
                providers=providers or {},
                polling=journeys.TIMING,
                seconds_left=seconds_left,
            )
        finally:
            database.close()
            storage.close()

    def status(self) -> str:
        return self.rows("select status from videos where uuid = %(uuid)s")[0]["status"]

    def kept(self) -> dict[str, Any]:
        found = self.rows("select * from clipferry.mirrored_files where video_uuid = %(uuid)s")
        return found[0] if found else {}

    def is_right(self) -> bool:
        stored = self.r2.bucket.objects[f"videos/{UUID}.mp4"].content
        return stored == self.behaviour.content and self.kept()["sha256"] == sha256(self.behaviour.content)


@contextmanager
def waiting_video(url: str, behaviour: Behaviour) -> Iterator[World]:
    with strict_r2() as r2, serving(behaviour) as source:
        yield World(url, r2, behaviour, source.url)
