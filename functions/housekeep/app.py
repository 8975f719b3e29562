"""Runs daily: expires credits, verifies them, and removes uploads and videos that are no longer needed."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.observability import logger
from clipferry.usecases.run_daily_tasks import run_daily_tasks


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    dependencies = runtime.dependencies()
    with closing(dependencies.maintenance_database()) as database:
        return run_daily_tasks(
            database=database,
            storage=dependencies.storage,
            now=runtime.now(),
            uploads_kept_days=dependencies.settings.uploads_kept_days,
            seconds_left=runtime.seconds_left(context),
        )
