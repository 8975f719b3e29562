"""Asks for videos as the create function does, one by one or from many connections at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from clipferry.db.connection import Database
from clipferry.errors import ClipferryError
from clipferry.models import Credential
from clipferry.providers.base import Provider
from clipferry.usecases.create_video import CreatedVideo, VideoRequest, create_video
from tests import books, journeys
from tests.scripted_provider import ScriptedProvider, sign_callback

THREADS = 24


def create(
    database: Database,
    *,
    request: VideoRequest | None = None,
    credential: Credential | None = None,
    key: str | None = None,
    limit: int = journeys.MANY,
    rate: int | None = None,
    provider: Provider | None = None,
) -> CreatedVideo:
    """Unless a `provider` is given, nobody knows what became of the submit: the video stays PENDING."""
    return create_video(
        request or journeys.request(10),
        credential=credential or books.credential(),
        idempotency_key=key,
        database=database,
        providers={"evolink": provider or ScriptedProvider()},
        preferred_provider="evolink",
        sign_callback=sign_callback,
        max_concurrent=limit,
        rate_limit_per_minute=rate,
        polling=journeys.TIMING,
    )


def at_once(url: str, times: int, attempt: Callable[[Database], CreatedVideo]) -> list[CreatedVideo | ClipferryError]:
    """Returns the outcome of each of `times` attempts, made from as many connections as there are threads."""
    own, opened = threading.local(), []

    def connect() -> None:
        own.database = Database(url, lock_timeout=60, statement_timeout=60)
        opened.append(own.database)

    def answer(_: int) -> CreatedVideo | ClipferryError:
        try:
            return attempt(own.database)
        except ClipferryError as error:
            return error

    with ThreadPoolExecutor(THREADS, initializer=connect) as threads:
        answers = list(threads.map(answer, range(times)))
    for database in opened:
        database.close()
    return answers
