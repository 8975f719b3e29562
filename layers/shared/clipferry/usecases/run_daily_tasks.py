"""The daily chores, each for itself: one that breaks off leaves the others their turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.errors import ClipferryError
from clipferry.observability import count, logger


class ChoresBrokenOffError(ClipferryError):
    """Some of the daily chores broke off."""

    code = "CHORES_BROKEN_OFF"


def run_daily_tasks(chores: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Does all of `chores`, which return how much they did, and returns that by name.

    Raises ChoresBrokenOffError in the end, for the alarm, when one of them didn't get to its end.
    """
    done: dict[str, int] = {}
    for name, chore in chores.items():
        try:
            done[name] = chore()
        except (ClipferryError, ValueError, TypeError, LookupError):
            logger.exception("chore broke off", chore=name)
            count("ChoresBrokenOff", chore=name)
    logger.info("chores done", extra={**done})
    if len(done) < len(chores):
        raise ChoresBrokenOffError(", ".join(chores.keys() - done.keys()))
    return done
