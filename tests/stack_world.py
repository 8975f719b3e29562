"""A running stack as one user and as its operator see it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import Any

import psycopg
from psycopg.rows import dict_row

from clipferry import callback_signature
from clipferry.db.connection import Database
from clipferry.usecases.verify_credits import verify_credits
from local.providers.evolink import FakeEvolink
from local.stack import Stack

CREDITS = 100
ORDER = {"prompt": "a ferry at dawn", "model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "480p"}
PRICE = 15


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    payload: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.payload["data"]


@dataclass(frozen=True, slots=True)
class World:
    """One user of a running stack: what the API answers, and what the tables say."""

    stack: Stack
    evolink: FakeEvolink
    user_id: str
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return send(method, self.stack.url + path, body, {"Authorization": f"Bearer {self.token}", **headers})

    def generate(self, **headers: str) -> Answer:
        return self.call("POST", "/api/v1/video/generate", ORDER, **headers)

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
        database = Database(self.stack.database_url)
        try:
            assert verify_credits(database=database) == []
        finally:
            database.close()


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
