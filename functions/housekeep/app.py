"""Runs daily: expires credits, verifies them, and removes uploads and videos that are no longer needed."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.observability import logger
from clipferry.usecases.abort_uploads import abort_uploads
from clipferry.usecases.apply_retention import apply_retention
from clipferry.usecases.move_credits import expire_credits
from clipferry.usecases.run_daily_tasks import run_daily_tasks
from clipferry.usecases.verify_credits import verify_credits


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    dependencies = runtime.dependencies()
    seconds_left = runtime.seconds_left(context)
    with closing(dependencies.maintenance_database()) as database:
        return run_daily_tasks(
            {
                "expiredPackages": lambda: expire_credits(database=database),
                "breaches": lambda: len(verify_credits(database=database)),
                "abortedUploads": lambda: abort_uploads(
                    database=database, storage=dependencies.storage, now=runtime.now(), seconds_left=seconds_left
                ),
                "removedVideos": lambda: apply_retention(
                    database=database, storage=dependencies.storage, seconds_left=seconds_left
                ),
            }
        )
