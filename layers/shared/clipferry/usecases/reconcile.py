"""Looks after every video whose time has come: lost callbacks, lost messages, dead workers, deadlines.

Nearly all of a look is waiting for the provider's answer, so several are under way at a time, each in a thread with a
connection of its own. Which ones, and when it is too late to begin another, is decided in one place by one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit

from clipferry.db import jobs, open_work, videos
from clipferry.db.connection import Database
from clipferry.db.jobs import Due
from clipferry.errors import ClipferryError
from clipferry.mirror_queue import MirrorQueue
from clipferry.models import Verdict
from clipferry.observability import count, logger, set_log_context
from clipferry.polling import Polling
from clipferry.provider_throttle import ProviderThrottle
from clipferry.providers.base import Provider
from clipferry.usecases.advance_video import advance_video

WORKERS: Final = 8
"""Looks at a time, each with a database connection while there is much to do: a tenth of what the smallest PostgreSQL
gives (docs/scaling.md). A provider that answers in a sixth of a second or more is asked 50 times a second at the most,
Replicate's limit (replicate.com/docs/topics/predictions/rate-limits); the others publish none."""
BATCH: Final = 20
REST_SECONDS: Final = 1.0
"""For a worker whose question wasn't answered: who says 429 or 5xx at once isn't asked again at once."""
SECONDS_FOR_ONE: Final = 18.0
"""The longest that one video takes (KIE's two endpoints, each asked twice, and the rest after it): with less left, the
next run takes over."""


def reconcile(
    *,
    databases: Sequence[Database],
    providers: Mapping[str, Provider],
    queue: MirrorQueue,
    polling: Polling,
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Advances what is due while there is time, and returns how many videos it looked at.

    As many at a time as there are `databases`. The first is the one that is warm; each of the others opens when there
    is work for it, and where the server has no more connections to give, those it has given must do.
    """
    _prepare(databases[0], polling)
    run = _Run(databases, polling=polling, seconds_left=seconds_left)
    looks = set[Future[_Look]]()
    advance = partial(advance_video, providers=providers, queue=queue, polling=polling)
    try:
        with ThreadPoolExecutor(len(databases), thread_name_prefix="reconcile") as pool:
            while True:
                while (look := run.next_look()) is not None:
                    work = partial(_look_after, look, advance=advance, seconds_left=seconds_left, sleep=sleep)
                    looks.add(pool.submit(copy_context().run, work))
                if not looks:
                    break
                ended, looks = wait(looks, return_when=FIRST_COMPLETED)
                for each in ended:
                    run.end(each.result())
    finally:
        run.release_claims(databases[0])
    return run.looked_at


@dataclass(slots=True)
class _Look:
    """One worker's look at one video, with its connection."""

    due: Due
    database: Database
    is_answered: bool = True
    seconds: float = 0.0
    """Zero when it failed: an error of ours says nothing about the provider."""

    def note_silence(self) -> None:
        self.is_answered = False


class _Run:
    """Decides what is looked at next. Everything here is done by the thread that gives work to the others."""

    def __init__(self, databases: Sequence[Database], *, polling: Polling, seconds_left: Callable[[], float]) -> None:
        self._free, self._closed = [databases[0]], [*databases[1:]]
        self._timing = polling
        self._seconds_left = seconds_left
        self._throttle = ProviderThrottle(len(databases))
        self._is_all_claimed = False
        self.looked_at = 0

    def next_look(self) -> _Look | None:
        """None when nobody is free, when there isn't time enough, and when no video that is due may be looked at."""
        while self._is_somebody_free() and self._seconds_left() > SECONDS_FOR_ONE:
            due = self._throttle.take()
            if due is not None:
                return _Look(due, self._free.pop())
            if self._is_all_claimed or not self._claim():
                break
        return None

    def end(self, look: _Look) -> None:
        self.looked_at += 1
        self._free.append(look.database)
        self._throttle.end(look.due, seconds=look.seconds, is_answered=look.is_answered)

    def release_claims(self, database: Database) -> None:
        """What was claimed and had no turn is due again at once, for the next run."""
        if not (unseen := self._throttle.unseen):
            return
        with database.transaction() as tx:
            jobs.release_claims(tx, unseen)
        logger.info("given back for the next run", videos=len(unseen))

    def _is_somebody_free(self) -> bool:
        has_work = self._throttle.waiting or not self._is_all_claimed
        if not self._free and self._closed and has_work:
            self._open_another()
        return bool(self._free)

    def _open_another(self) -> None:
        """Before a video depends on it: one that can't be looked at for want of a connection would lose its turn."""
        try:
            self._closed[-1].connect()
        except ClipferryError as error:
            logger.warning("no more connections for reconcile", detail=str(error))
            self._closed.clear()
        else:
            self._free.append(self._closed.pop())

    def _claim(self) -> bool:
        """Whether there was anything. Of providers that are asked enough already nothing is taken."""
        excluded_providers, interval = self._throttle.excluded_providers, self._timing.check_seconds
        with self._free[-1].transaction() as tx:
            claiming = jobs.claim_due(tx, limit=BATCH, interval_seconds=interval, excluded_providers=excluded_providers)
        claimed = claiming.all()
        self._throttle.add(claimed)
        self._is_all_claimed = not excluded_providers and len(claimed) < BATCH
        return bool(claimed)


def _prepare(database: Database, polling: Polling) -> None:
    """Adopts what the other application has left, and measures how much is under way."""
    with database.transaction() as tx:
        jobs.create_missing_jobs(tx, deadline_seconds=polling.submit_deadline_seconds)
        jobs.clear_finished_jobs(tx)
        reading = open_work.read(tx)
    found = reading.first()
    assert found is not None
    count("OldestOpenVideoSeconds", max(found["oldest_seconds"], 0), unit=MetricUnit.Seconds)
    count("CreditsHeld", found["credits_held"])


def _look_after(
    look: _Look, *, advance: partial[Verdict], seconds_left: Callable[[], float], sleep: Callable[[float], None]
) -> _Look:
    """What a worker does, in its thread."""
    _advance(look, advance=advance, seconds_left=seconds_left)
    if not look.is_answered:
        sleep(REST_SECONDS)
    return look


def _advance(look: _Look, *, advance: partial[Verdict], seconds_left: Callable[[], float]) -> None:
    """One video that always fails must not keep the others from their turn, whatever it fails with: an adapter that
    can't read one answer raises a ValueError or its like."""
    uuid, before = look.due.uuid, seconds_left()
    try:
        with look.database.transaction() as tx:
            found = videos.get(tx, uuid)
        video = found.first()
        set_log_context(uuid, prompt=video.prompt if video else None)
        if video is None:
            return
        verdict = advance(video, resend=True, on_silence=look.note_silence, database=look.database)
        look.seconds = before - seconds_left()
        logger.info("reconciled", video_uuid=uuid, verdict=verdict)
    except (ClipferryError, ValueError, TypeError, LookupError):
        logger.exception("could not reconcile", video_uuid=uuid)
        count("ReconcileErrors")
    finally:
        set_log_context(None)
