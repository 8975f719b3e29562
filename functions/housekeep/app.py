"""Daily: credits expire, the books are verified, what has had its time is forgotten."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.observability import logger
from clipferry.usecases.abort_uploads import abort_uploads
from clipferry.usecases.forget_old import forget_old
from clipferry.usecases.keep_house import keep_house
from clipferry.usecases.move_credits import expire_credits
from clipferry.usecases.verify_books import verify_books


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    left = runtime.seconds_left(context)
    with closing(runtime.patient_database()) as database:
        return keep_house(
            {
                "expiredPackages": lambda: expire_credits(database=database),
                "breaches": lambda: len(verify_books(database=database)),
                "abortedUploads": lambda: abort_uploads(
                    database=database, storage=runtime.storage(), now=runtime.now(), seconds_left=left
                ),
                "removedVideos": lambda: forget_old(database=database, storage=runtime.storage(), seconds_left=left),
            }
        )
