"""Checks every video whose time has come: lost callbacks, lost messages, dead workers, deadlines.

Nearly all of a check is waiting for the provider's answer, so several run at a time, each in a thread with a database
connection of its own. One thread decides which videos these are, and when it is too late to begin another check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit

from clipferry.db import jobs, open_work, videos
from clipferry.db.connection import Database
from clipferry.db.jobs import DueVideo
from clipferry.errors import ClipferryError
from clipferry.observability import count, logger, set_log_context
from clipferry.polling import Polling
from clipferry.provider_throttle import ProviderThrottle
from clipferry.usecases.advance_video import AdvanceContext, advance_video

WORKERS: Final = 8
"""Checks at a time, each with a database connection while there is much to do: a tenth of what the smallest PostgreSQL
gives (docs/scaling.md). A provider that answers in a sixth of a second or more is asked 50 times a second at the most,
Replicate's limit (replicate.com/docs/topics/predictions/rate-limits); the others publish none."""
BATCH: Final = 20
PAUSE_SECONDS: Final = 1.0
"""The pause of a worker whose question wasn't answered: a provider that says 429 or 5xx isn't asked again at once."""
SECONDS_FOR_ONE: Final = 18.0
"""The longest that one check takes (KIE's two endpoints, each asked twice, and the rest after it): with less left, the
next run takes over."""


def reconcile(
    *,
    databases: Sequence[Database],
    context: AdvanceContext,
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Checks what is due while there is time, and returns how many videos that were.

    As many at a time as there are `databases`. The first is the one that is warm; each of the others opens when there
    is work for it, and where the server has no more connections to give, those it has given must do.
    """
    _prepare(databases[0], context.polling)
    schedule = _Schedule(databases, polling=context.polling, seconds_left=seconds_left)
    worker = _Worker(context=context, seconds_left=seconds_left, sleep=sleep)
    running = set[Future[_Check]]()
    try:
        with ThreadPoolExecutor(len(databases), thread_name_prefix="reconcile") as pool:
            while True:
                while (check := schedule.next_check()) is not None:
                    running.add(pool.submit(copy_context().run, worker.run, check))
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for each in ended:
                    schedule.end(each.result())
    finally:
        schedule.release_claims(databases[0])
    return schedule.checked


@dataclass(slots=True)
class _Check:
    """The check of one due video, and the connection that it uses."""

    due: DueVideo
    database: Database
    is_answered: bool = True
    seconds: float = 0.0
    """Zero when it failed: an error of ours says nothing about the provider."""

    def note_no_answer(self) -> None:
        self.is_answered = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worker:
    """Runs checks, each in a thread of its own."""

    context: AdvanceContext
    seconds_left: Callable[[], float]
    sleep: Callable[[float], None]

    def run(self, check: _Check) -> _Check:
        self._advance(check)
        if not check.is_answered:
            self.sleep(PAUSE_SECONDS)
        return check

    def _advance(self, check: _Check) -> None:
        """Advances the video. One that always fails must not keep the others from being checked, whatever it fails
        with: an adapter that can't read one answer raises a ValueError or its like."""
        uuid, before = check.due.uuid, self.seconds_left()
        try:
            video = check.database.run(videos.get, uuid).first()
            set_log_context(uuid, prompt=video.prompt if video else None)
            if video is None:
                return
            verdict = advance_video(
                video,
                resend=True,
                on_no_answer=check.note_no_answer,
                database=check.database,
                context=self.context,
            )
            check.seconds = before - self.seconds_left()
            logger.info("reconciled", video_uuid=uuid, verdict=verdict)
        except (ClipferryError, ValueError, TypeError, LookupError):
            logger.exception("could not reconcile", video_uuid=uuid)
            count("ReconcileErrors")
        finally:
            set_log_context(None)


class _Schedule:
    """Decides what is checked next. Everything here is done by the thread that gives work to the others."""

    def __init__(self, databases: Sequence[Database], *, polling: Polling, seconds_left: Callable[[], float]) -> None:
        self._free, self._closed = [databases[0]], [*databases[1:]]
        self._polling = polling
        self._seconds_left = seconds_left
        self._throttle = ProviderThrottle(len(databases))
        self._is_all_claimed = False
        self.checked = 0

    def next_check(self) -> _Check | None:
        """None when no connection is free, when too little time is left, and when no due video may be checked now."""
        while self._has_free_connection() and self._seconds_left() > SECONDS_FOR_ONE:
            due = self._throttle.acquire()
            if due is not None:
                return _Check(due, self._free.pop())
            if self._is_all_claimed or not self._claim():
                break
        return None

    def end(self, check: _Check) -> None:
        self.checked += 1
        self._free.append(check.database)
        self._throttle.release(check.due, seconds=check.seconds, is_answered=check.is_answered)

    def release_claims(self, database: Database) -> None:
        """Makes what was claimed and not checked due again at once, for the next run."""
        if not (unchecked := self._throttle.unchecked):
            return
        with database.transaction() as tx:
            jobs.release_claims(tx, unchecked)
        logger.info("claims released for the next run", videos=len(unchecked))

    def _has_free_connection(self) -> bool:
        has_work = self._throttle.waiting or not self._is_all_claimed
        if not self._free and self._closed and has_work:
            self._open_another()
        return bool(self._free)

    def _open_another(self) -> None:
        """Connects before a video is given to the connection: without one its check would fail, and be over."""
        try:
            self._closed[-1].connect()
        except ClipferryError as error:
            logger.warning("no more connections for reconcile", detail=str(error))
            self._closed.clear()
        else:
            self._free.append(self._closed.pop())

    def _claim(self) -> bool:
        """Claims the next batch, without the providers that have enough checks running; False if it is empty."""
        excluded_providers, interval = self._throttle.excluded_providers, self._polling.check_seconds
        with self._free[-1].transaction() as tx:
            claiming = jobs.claim_due(tx, limit=BATCH, interval_seconds=interval, excluded_providers=excluded_providers)
        claimed = claiming.all()
        self._throttle.add(claimed)
        self._is_all_claimed = not excluded_providers and len(claimed) < BATCH
        return bool(claimed)


def _prepare(database: Database, polling: Polling) -> None:
    """Creates the jobs of videos that the other application has made, and measures how much is under way."""
    with database.transaction() as tx:
        jobs.create_missing_jobs(tx, deadline_seconds=polling.submit_deadline_seconds)
        jobs.clear_finished_jobs(tx)
        reading = open_work.read(tx)
    found = reading.first()
    assert found is not None
    count("OldestOpenVideoSeconds", max(found["oldest_seconds"], 0), unit=MetricUnit.Seconds)
    count("CreditsHeld", found["credits_held"])
