"""Webhooks with their queue, their schedule and a receiver, on a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clipferry.db import webhook_endpoints
from clipferry.db.connection import Database
from clipferry.errors import NetworkError
from clipferry.net.guarded_post import PostAnswer
from clipferry.usecases.deliver_webhook import deliver_webhook
from clipferry.usecases.queue_webhooks import queue_webhooks, set_owners_endpoint
from clipferry.verdicts import Attempt
from tests import books

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OLD_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
OWNERS = "https://app.example.com/webhooks"
USERS = "https://user.example.com/hook"

_PASS = (
    """
    update clipferry.webhook_deliveries
    set next_attempt_at = next_attempt_at - make_interval(secs => %(seconds)s),
        queued_at = queued_at - make_interval(secs => %(seconds)s),
        lease_until = lease_until - make_interval(secs => %(seconds)s)
    """,
    """
    update clipferry.webhook_endpoints
    set failing_since = failing_since - make_interval(secs => %(seconds)s),
        switched_off_at = switched_off_at - make_interval(secs => %(seconds)s)
    """,
)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as the receiver got it, `at` seconds after the beginning."""

    at: float
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.body)


Answer = int | PostAnswer | NetworkError | Callable[[Received], "Answer"]


@dataclass
class Journey:
    """`answer` is what the receiver says; a function is asked each time. `secrets` are the owner's."""

    database: Database
    """The one of a process that ends videos: it announces on this journey's queue."""
    answer: Answer = 200
    secrets: tuple[str, ...] = (SECRET,)
    url: str | None = OWNERS
    credits_low: int | None = None
    is_queue_down: bool = False
    seconds: float = 0.0
    received: list[Received] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    messages: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        set_owners_endpoint(database=self.database, url=self.url, credits_low=self.credits_low)

    def send(self, delivery_id: int, *, delay_seconds: int = 0) -> None:
        """The queue."""
        if not self.is_queue_down:
            self.messages.append((self.seconds + delay_seconds, delivery_id))

    def announce(self, delivery_ids: Iterable[int], *, delay_seconds: int = 0) -> None:
        for delivery_id in delivery_ids:
            self.send(delivery_id, delay_seconds=delay_seconds)

    def post(self, url: str, headers: dict[str, str], body: bytes) -> PostAnswer:
        request = Received(self.seconds, url, headers, body)
        self.received.append(request)
        answer = self.answer
        while callable(answer):
            answer = answer(request)
        if isinstance(answer, NetworkError):
            raise answer
        return PostAnswer(answer, None) if isinstance(answer, int) else answer

    def deliver(self, delivery_id: int, *, database: Database | None = None) -> Attempt:
        queue: Any = self
        attempt = deliver_webhook(
            delivery_id,
            database=database or self.database,
            post=self.post,
            secrets=self.secrets,
            queue=queue,
            now=lambda: datetime.now(UTC),
            jitter=lambda: 0.0,
        )
        self.attempts.append(attempt)
        return attempt

    def run_queue(self) -> None:
        """Handles every message whose time has come."""
        due = [message for message in self.messages if message[0] <= self.seconds]
        self.messages = [message for message in self.messages if message[0] > self.seconds]
        for _, delivery_id in due:
            self.deliver(delivery_id)

    def run_schedule(self) -> int:
        queue: Any = self
        return queue_webhooks(
            database=self.database,
            queue=queue,
            url=self.url,
            credits_low=self.credits_low,
            seconds_left=lambda: 29.0,
        )

    def let_pass(self, seconds: float, *, step: float = 60) -> None:
        """Moves the clock on; the queue works meanwhile, and the schedule after each step."""
        end = self.seconds + seconds
        self.run_queue()
        while self.seconds < end:
            before = self.seconds
            arrivals = [at for at, _ in self.messages if at > before]
            self.seconds = min([before + step, end, *arrivals])
            for statement in _PASS:
                books.execute(self.database, statement, seconds=self.seconds - before)
            self.run_queue()
            self.run_schedule()
            self.run_queue()

    def states(self) -> list[str]:
        found = books.rows(self.database, "select state from clipferry.webhook_deliveries order by id")
        return [row["state"] for row in found]

    def switched_off(self, url: str = OWNERS) -> str | None:
        sql = "select switched_off from clipferry.webhook_endpoints where url = %(url)s"
        return books.value(self.database, sql, url=url)

    def name(self, video_uuid: str, url: str = USERS) -> None:
        """The video's request had this `webhookUrl`."""
        with self.database.transaction() as tx:
            webhook_endpoints.name_in_request(tx, video_uuid=video_uuid, url=url)
