"""A running stack as one user and as its operator see it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

import psycopg
from psycopg.rows import dict_row

from clipferry import callback_signature
from clipferry.db.connection import Database
from clipferry.usecases.verify_credits import verify_credits
from clipferry.verdicts import FailureCode
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.faults import Faults
from local.stack import Stack, local_stack
from tests.database import empty_tables
from tests.http_api import Answer

CREDITS = 100
ORDER = {"prompt": "a ferry at dawn", "model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "480p"}
PRICE = 15
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_USER = 'insert into "user" (id, email) values (%(id)s, %(id)s)'
_SESSION = """
insert into session ("userId", token, "expiresAt")
values (%(id)s, %(token)s, timezone('utc', now()) + interval '1 hour')
"""
_PACKAGE = """
with package as (
    insert into credit_packages (user_id, initial_credits, remaining_credits, trans_type, updated_at)
    values (%(id)s, %(amount)s, %(amount)s, 'ORDER_PAY', timezone('utc', now())) returning id
)
insert into credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id)
select 'TXN-' || %(id)s, %(id)s, 'ORDER_PAY', %(amount)s, %(amount)s, id from package
"""


@dataclass(frozen=True, slots=True)
class World:
    """One user of a running stack: what the API answers, and what the tables say."""

    stack: Stack
    evolink: FakeEvolink
    user_id: str
    token: str

    @classmethod
    def sign_up(cls, stack: Stack, evolink: FakeEvolink, user_id: str, *, amount: int = CREDITS) -> World:
        """A new user, with a session and one package. By SQL: a use case would log it, outside of any call."""
        world = cls(stack, evolink, user_id, f"session-of-{user_id}")
        world.rows(_USER, id=user_id)
        world.rows(_SESSION, id=user_id, token=world.token)
        if amount:
            world.rows(_PACKAGE, id=user_id, amount=amount)
        return world

    @classmethod
    def of_developer(cls, stack: Stack, evolink: FakeEvolink) -> World:
        """The user whom the local stack has from its start."""
        assert stack.token is not None
        return cls(stack, evolink, "dev-user", stack.token)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return send(method, self.stack.url + path, body, {"Authorization": f"Bearer {self.token}", **headers})

    def generate(self, **headers: str) -> Answer:
        return self.call("POST", "/api/v1/video/generate", ORDER, **headers)

    def failed_video(self) -> str:
        """Makes a video whose file can't be fetched."""
        self.evolink.next(Faults(result="missing"))
        uuid = self.generate().data["videoUuid"]
        assert self.ends(uuid) == "FAILED"
        return uuid

    def cancelled_video(self) -> str:
        """Makes a video that its provider has ended: Evolink's own can't be cancelled."""
        uuid = self.failed_video()
        self.rows("update clipferry.jobs set failure_code = 'CANCELLED' where video_uuid = %(uuid)s", uuid=uuid)
        sentence = FailureCode.CANCELLED.sentence
        self.rows("update videos set error_message = %(sentence)s where uuid = %(uuid)s", sentence=sentence, uuid=uuid)
        return uuid

    def bring_back(self, uuid: str) -> None:
        """From now on the provider has the video's file."""
        self.evolink.tasks[self.video(uuid)["external_task_id"]].faults = Faults()

    def status(self, uuid: str) -> str:
        return self.call("GET", f"/api/v1/video/{uuid}/status").data["status"]

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.stack.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def video(self, uuid: str) -> dict[str, Any]:
        return self.rows("select * from videos where uuid = %(uuid)s", uuid=uuid)[0]

    def hold(self, uuid: str) -> str:
        return self.rows("select status from credit_holds where video_uuid = %(uuid)s", uuid=uuid)[0]["status"]

    def package(self) -> tuple[int, int]:
        """(remaining, frozen)"""
        sql = "select remaining_credits, frozen_credits from credit_packages where user_id = %(user_id)s"
        (row,) = self.rows(sql, user_id=self.user_id)
        return row["remaining_credits"], row["frozen_credits"]

    def verdicts(self, uuid: str) -> list[str]:
        sql = "select verdict from clipferry.callback_inbox where video_uuid = %(uuid)s order by id"
        return [row["verdict"] for row in self.rows(sql, uuid=uuid)]

    def callback_url(self, uuid: str, *, secret: str | None = None, provider: str = "evolink") -> str:
        return callback_signature.callback_url(
            f"{self.stack.url}/api/v1/video/callback",
            provider=provider,
            video_uuid=uuid,
            secret=secret or self.stack.environment["CALLBACK_HMAC_SECRET"],
            now=callback_signature.datetime.now(callback_signature.UTC),
        )

    def ends(self, uuid: str) -> str:
        """Waits for the video's end and says which it is; the books must be right then."""
        self.waits(lambda: self.video(uuid)["status"] in ("COMPLETED", "FAILED"))
        self.books_are_right()
        return self.video(uuid)["status"]

    def waits(self, condition: Callable[[], bool]) -> None:
        for _ in range(600):
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError("waited for half a minute")

    def books_are_right(self) -> None:
        with closing(Database(self.stack.database_url)) as database:
            assert verify_credits(database=database) == []


@contextmanager
def evolink_stack(database_url: str, **environment: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    """The whole product in one process over an emptied database, with a fake Evolink that is quick."""
    empty_tables(database_url)
    with fake_evolink(api_key="test-evolink-key", seconds=0.4, retry_scale=0.2) as evolink:
        usual = {
            "DATABASE_URL": database_url,
            "EVOLINK_BASE_URL": evolink.base_url,
            "EVOLINK_API_KEY": "test-evolink-key",
            "KIE_BASE_URL": "http://127.0.0.1:9",  # without a key it isn't asked: what Evolink refuses is refused
            "RECONCILE_INTERVAL_SECONDS": "1",
            "RATE_LIMIT_PER_MINUTE": "1000",
        }
        with local_stack(environment=usual | environment, quiet=True) as stack:
            yield stack, evolink


def send(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=content, headers=headers or {})
    if content is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, _lower(response.headers), json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), json.load(error))


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
