"""Brings the database to this version's schema: run on every deploy, before the new code takes traffic."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.db import migrations
from clipferry.observability import logger


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    applied = migrations.apply(
        runtime.migration_url(), runtime.migrations_folder(__file__), dry_run=bool(event.get("dryRun"))
    )
    logger.info("migrated", applied=applied)
    return {"applied": applied}
