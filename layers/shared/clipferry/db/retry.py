"""Does a transaction again while the database is away: it restarts, fails over, or has no connection to give."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from clipferry.errors import DatabaseUnavailableError
from clipferry.observability import logger

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 2.0

Result = TypeVar("Result")


def until_it_answers(transact: Callable[[], Result], *, seconds: float) -> Result:
    """Calls `transact` until the database answers, for `seconds`; then raises its DatabaseUnavailableError.

    It has to be harmless when done twice: where the connection is lost, the commit may have come through and only its
    answer not.
    """
    give_up, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        try:
            return transact()
        except DatabaseUnavailableError as error:
            if time.monotonic() + pause > give_up:
                raise
            logger.warning("the database is away; trying again", detail=str(error))
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
