"""Makes events for the handlers that are measured, and the rows and provider tasks that the events refer to."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.unasked_provider import create_unasked
from clipferry import callback_signature, catalog
from clipferry.catalog import VideoOptions
from clipferry.db import finish_video, leases, submissions, videos
from clipferry.db.connection import Database
from clipferry.models import Credential, MediaInfo, MirroredFile
from clipferry.polling import Polling
from clipferry.usecases.create_video import VideoRequest
from local.file_server import ServedFile
from local.film.render import render_film
from local.lambda_runtime.events import http_event, schedule_event, sqs_event
from local.providers.evolink import FakeEvolink
from local.providers.task_queue import FilmOrder, Task

Event = dict[str, Any]

PAGE: Final = 20
CALLBACK_SECRET: Final = "a-secret-for-this-machine-and-no-other"
ORDER: Final = {"prompt": "A paper boat sails down a rainy street", "model": "seedance-1.5-pro", "duration": 5}
MANY: Final = 1_000_000
POLLING: Final = Polling(
    submit_deadline_seconds=7200,
    generation_deadline_seconds=3600,
    upload_deadline_seconds=3600,
    reconcile_interval_seconds=3600,
    status_refresh_seconds=15,
)

_ADD_USER: Final = """
with person as (
    insert into public."user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    values (%(id)s, 'Measured', %(id)s || '@example.com', true, timezone('utc', now()), timezone('utc', now()))
    returning id
),
package as (
    insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, created_at, updated_at)
    select id, %(credits)s, %(credits)s, 'ORDER_PAY', timezone('utc', now()), timezone('utc', now()) from person
    returning user_id, id
),
entry as (
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id,
                                            created_at)
    select 'TXN-' || user_id, user_id, 'ORDER_PAY', %(credits)s, %(credits)s, id, timezone('utc', now()) from package
)
insert into public.session ("userId", token, "expiresAt", "createdAt", "updatedAt")
select id, id || '-session-token-as-long-as-one', timezone('utc', now()) + interval '1 day',
       timezone('utc', now()), timezone('utc', now())
from person
"""


class EventFactory:
    """Makes events for handlers, and the rows and tasks that they refer to.

    Each event is for one call: a second one would find its work done.
    """

    def __init__(self, *, database: Database, evolink: FakeEvolink, evolink_url: str) -> None:
        self._database = database
        self._evolink = evolink
        self._evolink_url = evolink_url
        self._users, self._tasks = itertools.count(1), itertools.count(1)
        film = render_film(prompt="measured", seconds=5, width=1280, height=720, frames_per_second=24)
        self._film = ServedFile.of(film, content_type="video/mp4")
        self.film_megabytes = len(film) / 1e6
        self._reader = self._add_user()
        self._read = [self._completed() for _ in range(PAGE)]

    def generate(self, count: int) -> Sequence[Event]:
        """Makes requests for videos, of a new user."""
        token = self._add_user()
        return [self._request("POST", "/api/v1/video/generate", token, body=ORDER) for _ in range(count)]

    def status(self, count: int) -> Sequence[Event]:
        route = "GET /api/v1/video/{uuid}/status"
        uuids = itertools.islice(itertools.cycle(self._read), count)
        return [self._request("GET", f"/api/v1/video/{uuid}/status", self._reader, route=route) for uuid in uuids]

    def list_page(self, count: int) -> Sequence[Event]:
        """Makes requests for a page of 20 videos."""
        return [self._request("GET", "/api/v1/video/list", self._reader) for _ in range(count)]

    def balance(self, count: int) -> Sequence[Event]:
        return [self._request("GET", "/api/v1/credit/balance", self._reader) for _ in range(count)]

    def callback(self, count: int) -> Sequence[Event]:
        """Makes callbacks for videos whose tasks have succeeded at the provider, the first for each."""
        token = self._add_user()
        return [self._callback(self._generating(token)) for _ in range(count)]

    def mirror(self, count: int) -> Sequence[Event]:
        token = self._add_user()
        return [sqs_event(json.dumps({"videoUuid": self._uploading(token)})) for _ in range(count)]

    def schedule(self, count: int) -> Sequence[Event]:
        return [schedule_event() for _ in range(count)]

    def empty(self, count: int) -> Sequence[Event]:
        """Makes what a person sends to `migrate`."""
        return [{} for _ in range(count)]

    def _request(self, method: str, path: str, token: str, *, body: Any = None, route: str | None = None) -> Event:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        return http_event(method, path, route_key=route or f"{method} {path}", headers=headers, body=content)

    def _callback(self, uuid: str) -> Event:
        url = callback_signature.callback_url(
            "https://api.example.com/api/v1/video/callback",
            provider="evolink",
            video_uuid=uuid,
            secret=CALLBACK_SECRET,
            now=datetime.now(UTC),
        )
        parts, body = urlsplit(url), self._evolink.callback_for(self._evolink.tasks[_task_id(uuid)]).body
        route = "POST /api/v1/video/callback/{provider}"
        headers = {"content-type": "application/json"}
        return http_event("POST", parts.path, route_key=route, query=parts.query, headers=headers, body=body)

    def _add_user(self) -> str:
        """Adds a user with plenty of credits; returns a session token."""
        user = f"measured-{next(self._users)}"
        with self._database.transaction() as tx:
            tx.execute(_ADD_USER, {"id": user, "credits": MANY})
        return f"{user}-session-token-as-long-as-one"

    def _pending(self, token: str) -> str:
        model = catalog.load().get(ORDER["model"])
        request = VideoRequest(
            resolved=replace(model.resolve(VideoOptions(prompt=ORDER["prompt"])), credits=10),
            parameters={},
        )
        order = create_unasked(
            request,
            provider="evolink",
            credential=Credential(session_token=token),
            database=self._database,
            max_concurrent=MANY,
            polling=POLLING,
        )
        return order.video_uuid

    def _generating(self, token: str) -> str:
        uuid = self._pending(token)
        self._add_task(_task_id(uuid))
        with self._database.transaction() as tx:
            submissions.record_task(
                tx,
                video_uuid=uuid,
                provider="evolink",
                task_id=_task_id(uuid),
                estimated_seconds=60,
                deadline_seconds=POLLING.generation_deadline_seconds,
                first_check_seconds=POLLING.generation_deadline_seconds,
            )
        return uuid

    def _uploading(self, token: str) -> str:
        uuid = self._generating(token)
        with self._database.transaction() as tx:
            videos.start_upload(
                tx,
                uuid=uuid,
                task_id=_task_id(uuid),
                source_url=f"{self._evolink_url}/files/{_task_id(uuid)}.mp4",
                deadline_seconds=POLLING.upload_deadline_seconds,
                next_check_seconds=POLLING.upload_deadline_seconds,
            )
        return uuid

    def _completed(self) -> str:
        uuid = self._uploading(self._reader)
        url, media = (
            f"https://cdn.example.com/videos/{uuid}.mp4",
            MediaInfo(duration_ms=5042, width=1280, height=720, codec="h264", has_audio=False, frame_rate=24.0),
        )
        file = MirroredFile(key=f"videos/{uuid}.mp4", url=url, size=8_000_000, sha256="0" * 64, media=media)
        with self._database.transaction() as tx:
            leased = leases.lease(tx, uuid=uuid, worker="worker", seconds=300).first()
            assert leased is not None
            finish_video.complete(
                tx,
                video_uuid=uuid,
                fence=leased.fence,
                file=file,
                thumbnail_url=url.replace("mp4", "jpg"),
                resolution="720p",
                aspect_ratio="16:9",
            )
        return uuid

    def _add_task(self, task_id: str) -> None:
        order = FilmOrder(prompt=ORDER["prompt"], seconds=5, width=1280, height=720)
        self._evolink.tasks[task_id] = Task(
            id=task_id, model=ORDER["model"], order=order, callback_url=None, created=0, takes=0, file=self._film
        )


def _task_id(uuid: str) -> str:
    return f"task-unified-{uuid}"
