"""Runs the daily tasks, each for itself: one that fails doesn't keep the others from being run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from clipferry.db.connection import Database
from clipferry.errors import ClipferryError
from clipferry.observability import count, logger
from clipferry.storage import Storage
from clipferry.usecases.abort_uploads import abort_uploads
from clipferry.usecases.apply_retention import apply_retention, remove_rejected
from clipferry.usecases.move_credits import expire_credits
from clipferry.usecases.remove_uploads import remove_uploads
from clipferry.usecases.verify_credits import verify


class DailyTasksFailedError(ClipferryError):
    """Some of the daily tasks failed."""

    code = "DAILY_TASKS_FAILED"


def run_daily_tasks(
    *, database: Database, storage: Storage, now: datetime, uploads_kept_days: int, seconds_left: Callable[[], float]
) -> dict[str, int]:
    """Expires credits, verifies them, aborts abandoned uploads, removes what is old; returns how much of each.

    Raises DailyTasksFailedError in the end, for the alarm, when one of them failed.
    """
    tasks: dict[str, Callable[[], int]] = {
        "expiredPackages": lambda: expire_credits(database=database),
        "breaches": lambda: len(verify(database=database)),
        "abortedUploads": lambda: abort_uploads(database=database, storage=storage, now=now, seconds_left=seconds_left),
        "removedRejections": lambda: remove_rejected(database=database, storage=storage, seconds_left=seconds_left),
        "removedVideos": lambda: apply_retention(database=database, storage=storage, seconds_left=seconds_left),
        "removedUploads": lambda: remove_uploads(
            database=database, storage=storage, now=now, kept_days=uploads_kept_days, seconds_left=seconds_left
        ),
    }
    done: dict[str, int] = {}
    for name, task in tasks.items():
        try:
            done[name] = task()
        except (ClipferryError, ValueError, TypeError, LookupError):
            logger.exception("daily task failed", task=name)
            count("DailyTaskErrors", task=name)
    logger.info("daily tasks done", extra={**done})
    if len(done) < len(tasks):
        raise DailyTasksFailedError(", ".join(tasks.keys() - done.keys()))
    return done
