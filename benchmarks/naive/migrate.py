"""Finds the applied migrations, on each deployment."""

from aws_lambda_powertools.metrics import MetricUnit
from shared import database, logger, metrics, tracer

APPLIED = "select name from clipferry.migrations order by name"


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(_event, _context):
    with database().transaction():
        database().execute("select pg_advisory_xact_lock(20261122)")
        applied = [row["name"] for row in database().execute(APPLIED).fetchall()]
    metrics.add_metric(name="MigrationsFound", unit=MetricUnit.Count, value=len(applied))
    logger.info("migrated", applied=applied)
    return {"applied": []}
