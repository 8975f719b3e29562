"""Runs every minute: advances each video that is due to be looked at."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.observability import logger
from clipferry.usecases.reconcile import WORKERS, reconcile


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    dependencies = runtime.dependencies()
    with dependencies.databases(WORKERS) as databases:
        looked_at = reconcile(
            databases=databases,
            context=dependencies.advance_context,
            seconds_left=runtime.seconds_left(context),
        )
    return {"lookedAt": looked_at}
